"""What cleaning the data changes in a study's verdicts."""
