"""What is found of predictions of numbers."""
