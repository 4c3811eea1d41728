"""Ways to reach people: each channel speaks one provider's wire format and knows nothing of shipments."""
