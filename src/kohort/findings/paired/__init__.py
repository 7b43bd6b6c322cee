"""Pairs of variants, compared over the replicates that both have, and corrected as families."""
