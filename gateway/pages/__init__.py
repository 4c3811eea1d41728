"""Pages for people: rendered here, with nothing inline, so that they work under the strictest content policy."""
