"""Runs: a day's round of one of the merchant's own couriers, its stops, and the page the courier works with."""
