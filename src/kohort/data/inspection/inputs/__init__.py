"""What single inputs tell of the target: columns of tables, places of windows."""
