"""What recipients say of a delivery: stars, reasons, words, and the merchant's answer."""
