"""Design: variants, replicates, and the plan that groups their members into cohorts."""
