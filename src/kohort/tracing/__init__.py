"""Tracing: find out what a model's steps compute, and which models can share a program."""
