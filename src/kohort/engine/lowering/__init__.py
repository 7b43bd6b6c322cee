"""Lowering: operations of a step in the form that the device runs fast."""
