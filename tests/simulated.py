"""A micrograph of the simulated sample, made once for all tests that look at one."""

from functools import cache

from napari_deepem.core.simulation import SimulatedMicrograph, simulate_sample


@cache
def simulated_micrograph() -> SimulatedMicrograph:
    """The first of the sample."""
    return simulate_sample(1)[0]
