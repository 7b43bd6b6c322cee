"""Rules about what models should not have seen, beside those about copies."""
