"""Rules about the order of samples."""
