"""Shops that push: their accounts, what they sent, and how it becomes orders and shipments."""
