"""Chores of the project: the generated pages of docs/, and the built-in letters."""
