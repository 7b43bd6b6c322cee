"""Preparing: sources are sifted, drawn from, and written as one file."""
