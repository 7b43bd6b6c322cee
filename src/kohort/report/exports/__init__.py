"""Exports: what is known of a study, as files of other programs."""
