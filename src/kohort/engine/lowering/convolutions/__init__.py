"""Convolutions and their gradients, in the forms that XLA's CPU compiler runs fast."""
