"""Members of a kept study that have trained: their weights, and what was found with these."""
