"""The live page: studies of a store in a browser, while they train and afterwards."""
