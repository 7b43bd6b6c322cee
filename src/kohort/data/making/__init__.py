"""What a dataset makes of what it was given."""
