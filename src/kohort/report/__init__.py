"""Report: shows conclusions as tables, figures, sentences and a page, and shows progress."""
