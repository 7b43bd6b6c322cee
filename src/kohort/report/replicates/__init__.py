"""What more replicates would tell."""
