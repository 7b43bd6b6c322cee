"""What the report says of a search: its trials and rungs, and how far it flattered."""
