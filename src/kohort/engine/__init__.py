"""Engine: train the models of a cohort at once, their states stacked, by one program."""
