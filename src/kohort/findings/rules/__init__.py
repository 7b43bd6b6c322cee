"""Rules: one module for each code."""
