"""What shops show of parcels on pages of their own: the public API behind it, and the element `<parcel-status>`."""
