"""Evidence: the measurements of a study, its settings, and the store that keeps them."""
