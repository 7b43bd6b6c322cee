"""Simulations of the project's statistics: studies whose truth is known, judged by its own code.

`make simulations` runs them and writes `docs/simulations.json`; `docs/simulations.md` tells what
they show.
"""
