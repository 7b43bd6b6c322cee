"""Commands that train, and what they show at the end."""
