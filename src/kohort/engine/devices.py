"""The devices of this machine over which the blocks of a cohort are spread.

A block trains on one device, by a program for that device alone, so devices have nothing to wait
for in each other. Blocks, and not one program over a mesh of devices: what a block computes, and
from which checkpoint it resumes, is then the same on any number of devices.
"""

from collections.abc import Sequence

import jax
import keras

type Place = jax.Device | None
"""A device; None for JAX's default device."""


def places() -> Sequence[Place]:
    """Where blocks may train: on each device that JAX sees in this process.

    One place, JAX's default device, where there is one device only, or where the user has told JAX
    which one to use (`jax.default_device`).
    """
    if keras.backend.backend() != "jax":  # To ask JAX would take most of a GPU's memory.
        return [None]
    devices: list[jax.Device] = jax.local_devices()
    if len(devices) < 2 or jax.config.jax_default_device is not None:
        return [None]
    return devices
