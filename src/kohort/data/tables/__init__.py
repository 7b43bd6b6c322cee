"""Tables: columns of numbers, categories and targets become arrays."""
