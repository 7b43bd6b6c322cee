"""What each axis of a study does, as a table and in sentences."""
