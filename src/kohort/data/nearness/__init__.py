"""What is near, and whether by chance."""
