"""Commands on data: `kohort data ...`."""
