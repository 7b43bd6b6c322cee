"""Recalls of the classes on validation, as tables and sentences."""
