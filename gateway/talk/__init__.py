"""The conversation of recipient, courier and support: one per shipment, and nobody's number is shown to anybody."""
