"""Keras: the only folder that uses names of Keras that are not public.

`keras.Model.fit` is built from these pieces. kohort uses the same pieces, so that it trains what
Keras trains. They are all in this folder, so that only it is checked with a new version of Keras.
"""
