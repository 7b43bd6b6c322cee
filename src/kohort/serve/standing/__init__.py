"""How variants and trials stand, and what is found of them: so far, or as a study ended."""
