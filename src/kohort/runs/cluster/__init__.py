"""Members that train on a Ray cluster, in blocks; the driver keeps what they measure."""
