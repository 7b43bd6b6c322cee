"""What answers score that take no model: one for all samples, or a line of one input."""
