"""How much of each class is found on validation."""
