"""Rules: a module for each code."""
