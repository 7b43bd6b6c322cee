"""How a model begins: what gives its variables their first values, and what those depend on."""
