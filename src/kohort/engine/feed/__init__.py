"""Feed: the data of an epoch, on the device or streamed, and the runners that read them."""
