"""What a terminal shows of a study."""
