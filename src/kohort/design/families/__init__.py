"""Members that differ in numbers alone: what follows for most of them from a few."""
