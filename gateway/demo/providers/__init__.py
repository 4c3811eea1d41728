"""Providers that carry notices, as real servers on loopback: they check what they are sent and call back signed."""
