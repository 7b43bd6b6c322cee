"""What a plan sees of the models of members."""
