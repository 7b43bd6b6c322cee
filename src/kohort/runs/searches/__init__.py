"""Runs of a search: trials climb from rung to rung, and what they measured is kept."""
