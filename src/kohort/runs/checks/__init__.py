"""`kohort data check`: counts what can be counted, and trains for the rest."""
