"""What trained members say of the classes of their validation parts."""
