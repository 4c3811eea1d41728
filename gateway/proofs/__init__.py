"""Proofs of delivery: fetched or taken in, looked at, kept apart from the database, shown and dropped."""
