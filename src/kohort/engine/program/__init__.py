"""Program: an epoch of a cohort, its steps, and its compilation."""
