"""Evidence: what was measured, and with what."""
