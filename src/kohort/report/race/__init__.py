"""A race: who left at which look and why, as a table, in sentences and as a picture."""
