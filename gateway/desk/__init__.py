"""The support desk: who takes care of what, notes, and the queues an agent's day starts with."""
