"""How good the probabilities of classes are that a model gives."""
