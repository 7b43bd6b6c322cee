"""The page of `kohort data check`."""
