"""Finding any shipment by whatever somebody has in hand: a number, an order, a name, an e-mail, a phone, a postcode."""
