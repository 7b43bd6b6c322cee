"""What is followed while a study trains: the best score, and the line of a notebook."""
