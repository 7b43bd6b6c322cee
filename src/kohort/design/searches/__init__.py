"""Searches before they train: the space, how it is sampled, and the rungs that trials climb."""
