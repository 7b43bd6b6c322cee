"""Rules about data, before anything is trained on them: `kohort data check`."""
