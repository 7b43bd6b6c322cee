"""Statistics: intervals, comparisons and fits over arrays of replicates. NumPy and SciPy."""
