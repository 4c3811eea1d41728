"""Imports: files of orders or shipments, taken line by line, with progress and a result for each line."""
