"""Runs: one run of a study, trained, recorded, kept in a store, and loaded from it."""
