"""What the arguments do in which the variants of a study differ."""
