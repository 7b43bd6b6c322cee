"""How models do on the test set: as a view of a result, and side by side."""
