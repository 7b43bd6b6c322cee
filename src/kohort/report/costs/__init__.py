"""What models cost, where a report shows it."""
