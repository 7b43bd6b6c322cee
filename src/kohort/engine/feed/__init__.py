"""Feed: what an epoch reads, on the device or streamed, and what runs it."""
