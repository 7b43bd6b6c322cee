"""Keras: the one place that knows names which Keras does not call public.

`keras.Model.fit` is built from these pieces. kohort uses the same pieces, so that what it trains is
what Keras trains, and keeps them here, so that a new Keras is checked in one folder.
"""
