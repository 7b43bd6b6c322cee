"""Engine: Keras models to stacked state, one compiled program per cohort, arrays out."""
