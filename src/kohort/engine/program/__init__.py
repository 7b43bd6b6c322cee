"""Program: the steps and the epoch of a cohort, and their compilation."""
