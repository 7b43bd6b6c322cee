"""How much of each class is found, on validation and on the test set."""
