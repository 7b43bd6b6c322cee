"""The templates of pages, and what renders them."""
