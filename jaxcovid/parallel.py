"""The same step on every device, and a run on several hosts."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxcovid.errors import InputError, first_line

AXIS = "batch"

# Seconds until a missing process is noticed.
START_TIMEOUT, HEARTBEAT_TIMEOUT, SHUTDOWN_TIMEOUT = 120, 40, 30

# What says that a process is one of several.
CLUSTERS: dict[str, Callable[[], bool]] = {
    "SLURM": lambda: (
        int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1 and "SLURM_STEP_NODELIST" in os.environ
    ),
    "Cloud TPU": lambda: (
        "," in os.environ.get("TPU_WORKER_HOSTNAMES", "")
        or "MEGASCALE_COORDINATOR_ADDRESS" in os.environ
    ),
    "Kubernetes": lambda: (
        "KUBERNETES_SERVICE_HOST" in os.environ and "JOB_COMPLETION_INDEX" in os.environ
    ),
}


class Devices(NamedTuple):
    """Devices in a row that share every batch, through jit(shard_map) or through pmap."""

    mesh: Mesh
    pmap: bool = False

    @property
    def replicated(self) -> NamedSharding:
        """The whole of an array on every device."""
        return NamedSharding(self.mesh, PartitionSpec())


def devices(how: str = "shard_map", limit: int | None = None) -> Devices:
    """All devices of all processes, or the first few."""
    # Process by process, as `own_rows` has it; jax.make_mesh orders TPUs by their network instead.
    found = sorted(jax.devices(), key=lambda each: (each.process_index, each.id))[:limit]
    mesh = Mesh(np.array(found), (AXIS,), axis_types=(AxisType.Auto,))
    return Devices(mesh, how == "pmap")


def spread(
    function: Callable, over: Devices, split: Sequence[bool], donate: Sequence[int] = ()
) -> Any:
    """`function` as what each device does, compiled for all.

    An argument whose `split` is true holds a share of the batch on each device (see `shares`), the
    others and the results are the same on all. Within it `AXIS` names the devices.
    """
    if over.pmap:
        axes = tuple(0 if each else None for each in split)
        return jax.pmap(
            function, AXIS, in_axes=axes, out_axes=None, donate_argnums=tuple(donate),
            devices=list(over.mesh.devices.flat),
        )  # fmt: skip
    mapped = jax.shard_map(
        function,
        mesh=over.mesh,
        in_specs=tuple(PartitionSpec(AXIS) if each else PartitionSpec() for each in split),
        out_specs=PartitionSpec(),
        # As in pmap: what a device differentiates is its own share, and it sums gradients itself.
        # With the check, JAX sums them too, and they come out too large by the number of devices.
        check_vma=False,
    )
    return jax.jit(mapped, donate_argnums=tuple(donate))


def sum_over_devices(tree: Any, axis_name: str | None) -> Any:
    """Sums over the devices along that axis; the values themselves if there is none."""
    return tree if axis_name is None else lax.psum(tree, axis_name)


def shares(tree: Any, over: Devices) -> Any:
    """This process's rows of a batch, laid out for an argument that is split over devices."""
    if over.pmap:
        local = len(over.mesh.local_devices)
        return jax.tree.map(lambda rows: rows.reshape(local, -1, *rows.shape[1:]), tree)
    sharding = NamedSharding(over.mesh, PartitionSpec(AXIS))
    return jax.tree.map(lambda rows: jax.make_array_from_process_local_data(sharding, rows), tree)


def replicate(tree: Any, over: Devices) -> Any:
    """The same values on every device of every process."""
    if jax.process_count() == 1:
        return jax.device_put(tree, over.replicated)

    def put(leaf: Any) -> jax.Array:  # to devices of other processes only arrays of the host go
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = jax.device_put(np.asarray(jax.random.key_data(leaf)), over.replicated)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        return jax.device_put(np.asarray(leaf), over.replicated)

    return jax.tree.map(put, tree)


def own_rows(tree: Any) -> Any:
    """Of arrays with a row for each example of a batch, the rows that this process is to read."""

    def own(rows: np.ndarray) -> np.ndarray:
        count = len(rows) // jax.process_count()
        return rows[jax.process_index() * count :][:count]

    return jax.tree.map(own, tree)


def any_process(over: Devices) -> Callable[[bool], Any]:
    """A function that tells all processes whether any of them asked; all must call it."""
    if jax.process_count() == 1:
        return bool
    count = spread(lambda asked: lax.psum(asked.sum(), AXIS), over, (True,))
    local = len(over.mesh.local_devices)
    return lambda asked: count(shares(np.full(local, asked, np.int32), over))


def agreed(text: str) -> str:
    """Process 0's text, in every process."""
    if jax.process_count() == 1:
        return text
    encoded = text.encode()[:4096]
    padded = np.frombuffer(encoded.ljust(4096, b"\0"), np.uint8)
    received = np.asarray(multihost_utils.broadcast_one_to_all(padded), np.uint8)
    return received.tobytes().rstrip(b"\0").decode(errors="replace")


def start(coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Joins the other processes if there are any: as given, or as a cluster's environment says.

    `coordinator` is process 0's `host:port`, or "auto" to let JAX look around. Must come before
    anything else uses devices. Raises InputError.
    """
    if jax.distributed.is_initialized():
        return
    cluster = next((name for name, present in CLUSTERS.items() if present()), None)
    if coordinator is None and cluster is None:
        return
    automatic = coordinator in (None, "auto")
    try:
        jax.distributed.initialize(
            None if automatic else coordinator,
            num_processes,
            process_id,
            initialization_timeout=START_TIMEOUT,
            heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT,
            shutdown_timeout_seconds=SHUTDOWN_TIMEOUT,
        )
    except Exception as error:  # of many kinds, by cluster and by what goes wrong
        where = f"--coordinator {coordinator}" if coordinator else f"the {cluster} environment"
        raise InputError(
            [
                f"cannot join the other processes as {where} says ({first_line(error)}); check "
                "that all were started, with the same --coordinator and --num-processes and a "
                "--process-id each (in Kubernetes without these flags: pip install 'jax[k8s]', "
                "and allow the pods to read jobs)"
            ]
        ) from None
