"""Downloads data sets that others publish."""
