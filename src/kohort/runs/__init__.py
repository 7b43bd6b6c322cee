"""Runs: train a study, record it, keep it in a store, and load it from there."""
