"""What notebooks show of studies and results."""
