"""The console in the browser: signing in is made here, the rest by its scripts over the same API as everybody's."""
