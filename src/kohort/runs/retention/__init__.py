"""What a study leaves on the disk when it has ended."""
