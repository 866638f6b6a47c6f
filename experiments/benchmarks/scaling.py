"""Weak scaling: images per second of a training step when the batch grows with the devices.

The table says how far a step is from the ideal, in which n devices do n times the work in the same
time. CPU devices share the machine's cores, so there it shows what sharing costs, not a speed-up.
"""

import argparse
import time

import jax
import jax.numpy as jnp

from weights_convert import ARCHITECTURES

STEPS = 5


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="resnet18", choices=tuple(ARCHITECTURES))
    parser.add_argument("--trainable", default="last_block")
    parser.add_argument("--devices", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--per-device", type=int, default=8, help="images on each device")
    flags = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", max(flags.devices))
    rates = {count: rate(flags, count) for count in flags.devices}
    print(f"{flags.model}, training {flags.trainable}, {flags.per_device} images per device,")
    print(f"{jax.device_count()} x {jax.devices()[0].device_kind}\n")
    print("devices  batch  images/s  efficiency")
    for count, images in rates.items():
        efficiency = images / (rates[flags.devices[0]] / flags.devices[0] * count)
        print(f"{count:7}  {count * flags.per_device:5}  {images:8.1f}  {efficiency:10.0%}")


def rate(flags: argparse.Namespace, count: int) -> float:
    """Images per second of the training step on so many devices, the best of a few steps."""
    from jaxcovid import models, parallel
    from jaxcovid.training.losses import cross_entropy
    from jaxcovid.training.optimizers import optimizer
    from jaxcovid.training.step import Batch, init_state, make_train_step
    from jaxcovid.training.trainable import freeze, label, live_norms
    from weights_convert import table

    over = parallel.devices(limit=count)
    module = models.build(flags.model, 3, (320,), axis_name=parallel.AXIS)
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
    stats = variables.get("batch_stats", {})
    labels = label(variables["params"], flags.model, flags.trainable, table(flags.model, 3, (320,)))
    sgd = optimizer("sgd", 1e-3, 0.9, 0.0)
    update = freeze(sgd, sgd, labels)
    norms = live_norms(stats, labels, "frozen")
    body = make_train_step(module, cross_entropy(), update, labels, norms)
    step = parallel.spread(body, over, (False, True), donate=(0,))

    images = count * flags.per_device
    pixels = jax.random.normal(jax.random.key(0), (images, 224, 224, 3))
    batch = Batch(pixels, jnp.arange(images, dtype=jnp.int32) % 3, jnp.ones(images))
    batch = parallel.shares(jax.device_get(batch), over)
    state = parallel.replicate(init_state(variables, update, labels, jax.random.key(1)), over)
    times = []
    for _ in range(STEPS + 1):
        started = time.perf_counter()
        state, totals = step(state, batch)
        jax.block_until_ready(totals)
        times.append(time.perf_counter() - started)
    return images / min(times[1:])  # the first one compiles


if __name__ == "__main__":
    main()
