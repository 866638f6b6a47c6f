"""The same step on every device, and a run on several hosts."""

import os
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, ParamSpec, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from jaxcovid.compilation import compiler_options
from jaxcovid.errors import InputError, first_line

# The devices' axis, by which collective operations name it.
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


Tree = TypeVar("Tree")  # any pytree of arrays
Inputs = ParamSpec("Inputs")
Outputs = TypeVar("Outputs", covariant=True)


@runtime_checkable
class Compiled(Protocol[Inputs, Outputs]):
    """A function as jax.jit and jax.pmap return it: compiled when it is called, or before."""

    def __call__(self, *args: Inputs.args, **kwargs: Inputs.kwargs) -> Outputs:
        """The function's results."""
        ...

    def lower(self, *args: Inputs.args, **kwargs: Inputs.kwargs) -> jax.stages.Lowered:
        """What is compiled for arguments of these shapes."""
        ...


class Devices(NamedTuple):
    """Devices in a row that share every batch, through jit(shard_map) or through pmap."""

    mesh: Mesh
    pmap: bool = False

    @property
    def replicated(self) -> NamedSharding:
        """The whole of an array on every device."""
        return NamedSharding(self.mesh, PartitionSpec())


def devices(how: str = "shard_map", limit: int | None = None) -> Devices:
    """All devices of all processes, or the first `limit` of them.

    `how` is "shard_map" or "pmap", as in the setting `parallel`.
    """
    # Process by process, as `process_rows` has it; jax.make_mesh orders TPUs by their network.
    ordered = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))[:limit]
    mesh = Mesh(np.array(ordered), (AXIS,), axis_types=(AxisType.Auto,))
    return Devices(mesh, how == "pmap")


def spread(
    function: Callable[Inputs, Outputs],
    over: Devices,
    split: Sequence[bool],
    donate: Sequence[int] = (),
    split_results: bool = False,
) -> Compiled[Inputs, Outputs]:
    """`function` as what each device does, compiled for all.

    `split` has an entry for each positional argument: where it is true, each device holds its share
    of the batch (see `shares`); likewise the results with `split_results`. All else is the same on
    all devices.
    `donate` are positions of arguments whose memory the results may take. Within `function` `AXIS`
    names the devices.
    """
    if over.pmap:
        axes = tuple(0 if is_split else None for is_split in split)
        return jax.pmap(
            function, AXIS, in_axes=axes, out_axes=0 if split_results else None,
            donate_argnums=tuple(donate), devices=list(over.mesh.devices.flat),
        )  # fmt: skip
    mapped = jax.shard_map(
        function,
        mesh=over.mesh,
        in_specs=tuple(PartitionSpec(AXIS) if is_split else PartitionSpec() for is_split in split),
        out_specs=PartitionSpec(AXIS) if split_results else PartitionSpec(),
        # As in pmap: what a device differentiates is its own share, and it sums gradients itself.
        # With the check, JAX sums them too, and they come out too large by the number of devices.
        check_vma=False,
    )
    return jax.jit(mapped, donate_argnums=tuple(donate), compiler_options=compiler_options())


def sum_over_devices(tree: Tree, axis_name: str | None) -> Tree:
    """The sum of each array over the devices along that axis; the tree itself if there is none."""
    # Of a single device XLA would copy every array.
    alone = axis_name is None or lax.axis_size(axis_name) == 1
    return tree if alone else lax.psum(tree, axis_name)


def shares(tree: Tree, over: Devices) -> Tree:
    """This process's rows of a batch, laid out for an argument of `spread` that is split.

    Arrays of the host with a row for each example become arrays on this process's devices; their
    number of rows must be a multiple of the number of those devices.
    """
    if over.pmap:
        local = len(over.mesh.local_devices)
        return jax.tree.map(lambda rows: rows.reshape(local, -1, *rows.shape[1:]), tree)
    sharding = NamedSharding(over.mesh, PartitionSpec(AXIS))
    return jax.tree.map(lambda rows: jax.make_array_from_process_local_data(sharding, rows), tree)


def replicate(tree: PyTree, over: Devices) -> PyTree:
    """The same values on every device of every process; all processes must have the same tree."""
    if jax.process_count() == 1:
        return jax.device_put(tree, over.replicated)

    def put(leaf: Array) -> Array:  # to devices of other processes only arrays of the host go
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = jax.device_put(np.asarray(jax.random.key_data(leaf)), over.replicated)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        return jax.device_put(np.asarray(leaf), over.replicated)

    return jax.tree.map(put, tree)


def process_rows(tree: Tree) -> Tree:
    """Of arrays with a row for each example of a batch, the rows that this process is to read."""

    def local(rows: np.ndarray) -> np.ndarray:
        count = len(rows) // jax.process_count()
        return rows[jax.process_index() * count :][:count]

    return jax.tree.map(local, tree)


def any_process(over: Devices) -> Callable[[bool], bool | Array]:
    """A function by which all processes learn whether any of them asks for something.

    It takes whether this one asks, and gives True or a number above 0 if any does. All processes
    must call it, at the same place.
    """
    if jax.process_count() == 1:
        return bool
    count = spread(lambda asked: lax.psum(asked.sum(), AXIS), over, (True,))
    local = len(over.mesh.local_devices)
    return lambda asked: count(shares(np.full(local, asked, np.int32), over))


def agreed(text: str) -> str:
    """Process 0's text, in every process; of long ones the first 4096 bytes."""
    if jax.process_count() == 1:
        return text
    encoded = text.encode()[:4096]
    padded = np.frombuffer(encoded.ljust(4096, b"\0"), np.uint8)
    received = np.asarray(multihost_utils.broadcast_one_to_all(padded), np.uint8)
    return received.tobytes().rstrip(b"\0").decode(errors="replace")


def is_device_error(error: Exception) -> bool:
    """Whether an error is of devices, or of a process of several that is gone."""
    # JAX passes on as ValueError what some collective operations say, behind their status.
    of_collective = re.match("[A-Z_]+: (Gloo|NCCL) ", str(error)) is not None
    return isinstance(error, jax.errors.JaxRuntimeError) or (
        isinstance(error, ValueError) and of_collective
    )


def join_processes(
    coordinator: str | None, num_processes: int | None, process_id: int | None
) -> None:
    """Joins the other processes if there are any: as given, or as a cluster's environment says.

    `coordinator` is process 0's `host:port`, or "auto" to let JAX look around. Must come before
    anything else uses devices. Raises InputError if the others cannot be reached, or do not come
    within START_TIMEOUT seconds.
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
        where = f"`coordinator={coordinator}`" if coordinator else f"the {cluster} environment"
        raise InputError(
            [
                f"cannot join the other processes as {where} says ({first_line(error)}); check "
                "that all were started, with the same `coordinator` and `num_processes` and a "
                "`process_id` each (in Kubernetes without these: pip install 'jax[k8s]', "
                "and allow the pods to read jobs)"
            ]
        ) from None
