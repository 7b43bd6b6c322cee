"""What can be seen of data before anything is trained on them: counts, copies, groups, columns."""
