"""Benchmarks: kohort beside its peers, and beside the machine's limit (docs/benchmarks.md)."""
