"""Tracing: what a model's step computes, and with which other models it can share a program."""
