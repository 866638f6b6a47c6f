"""What is faster than XLA's defaults when it compiles for a CPU."""

import functools

import jax
import jax.numpy as jnp

QUICK_ON_CPU = {
    # Leaves convolutions to Eigen. XLA's newer kernels take up to four times as long for the
    # gradient of weights, and longer for most of ResNet18's and VGG16's other convolutions.
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE",
    # Heeds lax.optimization_barrier, which XLA else drops here before it matters.
    "xla_disable_hlo_passes": "cse_barrier_expander",
}


@functools.cache
def compiler_options() -> dict[str, str]:
    """What is faster than XLA's defaults here, for jax.jit's argument of that name.

    Empty on accelerators, and where this version of XLA does not know the options.
    """
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(jnp.negative, compiler_options=QUICK_ON_CPU).lower(1.0).compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return QUICK_ON_CPU
