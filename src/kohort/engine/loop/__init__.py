"""Loop: train the blocks of a cohort epoch by epoch, with callbacks and checkpoints."""
