"""Composition: the only place where connectors, normalizer, webhooks, database, HTTP and settings meet."""
