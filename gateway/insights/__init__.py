"""What the past teaches: how long parcels take and how promises were kept, of each merchant by itself."""
