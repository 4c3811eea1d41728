"""The words and the rules: what a carrier's scan means and what a shipment's events add up to.

Pure: no network, no database, no clock, no settings. Everything here may run twice.
"""
