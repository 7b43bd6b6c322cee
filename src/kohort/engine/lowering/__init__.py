"""Lowering: the operations of a step in forms that run fast on the backend."""
