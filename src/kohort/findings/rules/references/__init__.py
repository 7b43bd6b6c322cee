"""The rule about what one answer for all samples scores."""
