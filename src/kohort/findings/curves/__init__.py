"""Curves of replicates that did not train equally long."""
