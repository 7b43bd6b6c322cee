"""The report of a study: one HTML file, the answer first."""
