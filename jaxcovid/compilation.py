"""How XLA compiles: with what is faster here, and once for all runs that are alike."""

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
from pathlib import Path

import jax
import jax.numpy as jnp

# Leaves convolutions on CPUs to Eigen. XLA's newer kernels take up to four times as long for the
# gradient of weights, and longer for most of ResNet18's and VGG16's other convolutions.
EIGEN = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}

# What compiled programs of all runs may take on disk.
KEPT_BYTES = 2**30


@functools.cache
def compiler_options() -> dict[str, str]:
    """What is faster than XLA's defaults here, for jax.jit's argument of that name.

    Empty on accelerators, and where this version of XLA does not know the option.
    """
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(jnp.negative, compiler_options=EIGEN).lower(1.0).compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return EIGEN


def keep_programs(folder: Path) -> None:
    """From now on compiled programs are kept below `folder`, so that a run alike starts at once.

    Nothing changes where JAX was told of another folder, or where this one cannot be written to.
    The oldest programs go when all take more than KEPT_BYTES.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    # Programs for CPUs use what this one can do.
    folder = folder / hashlib.sha256(_processor().encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_compilation_cache_max_size", KEPT_BYTES)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)


def hand_back_memory() -> None:
    """Gives memory that compiling took, and no one holds, back to the system.

    glibc would keep it: a few hundred megabytes that training then takes anew. Elsewhere nothing
    happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _processor() -> str:
    """The kind of processor, and on Linux all that it can do."""
    description = [platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        description += sorted({line for line in lines if line.startswith(("flags", "Features"))})
    return "\n".join(description)
