"""Report: conclusions for people, as tables, figures, a page and a progress display."""
