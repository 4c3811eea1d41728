"""People hear about their parcels: wishes and consent, what is told when, wording, sending, and what came of it."""
