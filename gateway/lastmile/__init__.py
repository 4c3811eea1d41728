"""The last mile: couriers on the road, who sees them, what they bring back, and what people say to each other."""
