"""Orders: kept, refolded with their shipments, told, brought in by file or by a shop's push."""
