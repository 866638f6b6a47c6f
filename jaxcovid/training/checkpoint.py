"""Checkpoints: saved by Orbax in the background, verified when read. Only this file imports it."""

import contextlib
import dataclasses
import hashlib
import json
import re
import shlex
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from orbax.checkpoint import v1 as ocp

from jaxcovid import models
from jaxcovid.errors import InputError, first_line
from jaxcovid.training.freeze_audit import digest
from jaxcovid.training.orbax_logging import no_echoes, quietly
from jaxcovid.training.step import TrainState

# Below a run's folder.
FOLDER = "checkpoints"


class Checkpoint(NamedTuple):
    """What a checkpoint holds: arrays, and the run's own account of settings and progress."""

    step: int
    model: dict[str, Any]
    training: dict[str, np.ndarray]
    account: dict[str, Any]


class Trained(NamedTuple):
    """What prediction needs: `model.apply(variables, images)` gives logits over `classes`."""

    model: models.Model
    variables: dict[str, Any]
    classes: tuple[str, ...]


# save(state, journal, validation_loss=None, wait=False)
Save = Callable[..., None]


def load(run: Path | str, which: Literal["latest", "best"] = "latest") -> Trained:
    """Model, variables and classes of a run; "best" has the lowest validation loss.

    Images are to be prepared by `data.images.evaluation_view` and `data.loader.normalise`. Raises
    InputError if there is no undamaged checkpoint.
    """
    run = Path(run)
    steps = _steps(run)[::-1]
    if which == "best":
        losses = {step: loss for step, loss in losses_of(run).items() if loss is not None}
        steps = sorted(losses, key=losses.__getitem__)
    found, damaged = _first_whole(run, steps)
    if found is None:
        reasons = "".join(f"\n  {reason}" for reason in damaged.values())
        raise InputError([f"{run}: no {which} checkpoint in {FOLDER}/{reasons}"])
    for reason in damaged.values():
        warnings.warn(f"{run}: {reason}; taking step {found.step}", stacklevel=2)
    settings = found.account["settings"]
    classes = tuple(settings["dataset"]["classes"])
    model = models.build(
        settings["model"],
        len(classes),
        settings["head"],
        settings["dropout"],
        jnp.dtype(settings["precision"]),
    )
    return Trained(model, jax.tree.map(jnp.asarray, found.model), classes)


@contextlib.contextmanager
def writer(run: Path, settings: Mapping[str, Any]) -> Iterator[Save]:
    """Gives the function that saves a checkpoint, in the background unless told to wait.

    `settings` and `journal` are JSON values. Raises InputError if the disk does not take it.
    """
    keep = _LatestAndBest(losses_of(run))

    def save(
        state: TrainState,
        journal: Mapping[str, Any],
        validation_loss: float | None = None,
        wait: bool = False,
    ) -> None:
        keep.losses[int(state.step)] = validation_loss
        # A copy, since the next step reuses the state's memory.
        arrays = jax.tree.map(np.array, _arrays(state))
        account = {"settings": settings, "journal": journal, "validation_loss": validation_loss}
        account["digests"] = _digests(arrays)
        with _disk_errors(run):
            checkpointer.save_checkpointables_async(
                int(state.step),
                arrays,
                force=True,
                overwrite=True,
                custom_metadata={**account, "digest": _digest(account)},
            )
            if wait:
                checkpointer.wait()

    with no_echoes():
        with _disk_errors(run):
            checkpointer = ocp.training.Checkpointer(
                _absolute(run / FOLDER), preservation_policy=keep, cleanup_tmp_directories=True
            )
        try:
            yield save
        finally:
            with _disk_errors(run):
                checkpointer.close()


def restored(checkpoint: Checkpoint, like: TrainState) -> TrainState:
    """The training state that was saved; `like` is one of the same settings. Raises InputError."""
    training = checkpoint.training
    names, tree = jax.tree.flatten_with_path(like.opt_state)
    if missing := [_name(path) for path, _ in names if _name(path) not in training]:
        raise InputError(
            [
                f"checkpoint {checkpoint.step} has no {missing[0]}: it was saved under optax "
                f"{checkpoint.account['settings']['versions'].get('optax')}; go on under that"
            ]
        )
    opt_state = jax.tree.unflatten(tree, [training[_name(path)] for path, _ in names])
    key = jax.random.wrap_key_data(jnp.asarray(training[KEY]), impl=jax.random.key_impl(like.key))
    model = checkpoint.model
    return TrainState(
        jnp.int32(checkpoint.step), model["params"], model["batch_stats"], opt_state, key
    )


def newest(run: Path) -> tuple[Checkpoint | None, dict[int, str]]:
    """The newest checkpoint that is whole, and what is wrong with the steps after it."""
    return _first_whole(run, _steps(run)[::-1])


def _first_whole(run: Path, steps: Iterable[int]) -> tuple[Checkpoint | None, dict[int, str]]:
    """The first of these checkpoints that is whole, and what is wrong with those before it.

    Raises MemoryError or PermissionError, which say nothing about the checkpoint.
    """
    damaged = {}
    for step in steps:
        try:
            with quietly():
                return _read(run / FOLDER, step), damaged
        except (MemoryError, PermissionError, InterruptedError):
            raise
        except Exception as error:  # whatever Orbax says of files that were tampered with
            damaged[step] = f"checkpoint {step} is damaged ({first_line(error)})"
    return None, damaged


def losses_of(run: Path) -> dict[int, float | None]:
    """The validation loss that each checkpoint states; None in the middle of an epoch."""
    losses = {}
    for step in _steps(run):
        with quietly(), contextlib.suppress(ValueError):
            losses[step] = _account(run / FOLDER, step)["validation_loss"]
    return losses


def set_aside(run: Path, steps: Iterable[int]) -> None:
    """Moves the checkpoints of these steps out of the way, to RUN/damaged-STEP."""
    for step in steps:
        target = run / f"damaged-{step}"
        shutil.rmtree(target, ignore_errors=True)
        (run / FOLDER / str(step)).rename(target)


@dataclasses.dataclass(frozen=True)
class _LatestAndBest:
    """Keeps two, so that a damaged one leaves the one before, and that of lowest validation loss.

    Orbax's own policies need its metrics files, and it does not open a folder with a damaged one.
    """

    losses: dict[int, float | None]

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        """For each checkpoint, by step, whether to keep it."""
        del context
        known = {step: loss for step, loss in self.losses.items() if loss is not None}
        # Orbax takes any folder with a number for a name as a checkpoint.
        kept = {*sorted(each.step for each in checkpoints if each.step in self.losses)[-2:]}
        if known:
            kept.add(min(known, key=known.__getitem__))
        return [each.step in kept or each.step not in self.losses for each in checkpoints]


KEY = "key"

# The operating system's words in Orbax's errors.
DISK = (
    "No space left on device|Disk quota exceeded|File too large|Read-only file system|"
    "Permission denied|Input/output error"
)


def _arrays(state: TrainState) -> dict[str, Any]:
    # The optimizer's state by name: what it consists of is of no concern to a file.
    leaves = jax.tree.leaves_with_path(state.opt_state)
    return {
        "model": {"params": state.params, "batch_stats": state.batch_stats},
        "training": {KEY: jax.random.key_data(state.key)}
        | {_name(path): leaf for path, leaf in leaves},
    }


def _name(path: Any) -> str:
    return "opt_state." + jax.tree_util.keystr(path, simple=True, separator=".")


def _account(folder: Path, step: int) -> dict[str, Any]:
    """What a checkpoint says of itself. Raises ValueError."""
    account: Any = ocp.checkpointables_metadata(_absolute(folder / str(step))).custom_metadata
    if not isinstance(account, dict) or "digest" not in account:
        raise ValueError("it does not say what it holds")
    stated = account.pop("digest")
    if stated != _digest(account):
        raise ValueError("its account of itself was changed")
    return account


def _read(folder: Path, step: int) -> Checkpoint:
    account = _account(folder, step)
    arrays = ocp.load_checkpointables(_absolute(folder / str(step)))
    arrays = {name: jax.tree.map(np.asarray, arrays[name]) for name in ("model", "training")}
    model = arrays["model"]
    if wrong := _differences(account["digests"], _digests(arrays)):
        raise ValueError(f"{wrong[0]} and {len(wrong) - 1} more arrays differ from what was saved")
    return Checkpoint(
        step,
        {"params": model["params"], "batch_stats": model.get("batch_stats") or {}},
        arrays["training"],
        account,
    )


def _digests(arrays: Mapping[str, Any]) -> dict[str, str]:
    flat = traverse_util.flatten_dict(arrays, sep="/")
    return {name: digest(np.asarray(leaf)) for name, leaf in flat.items()}


def _differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _digest(account: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(account, sort_keys=True).encode(), digest_size=16).hexdigest()


def _absolute(path: Path) -> str:
    return str(path.absolute())  # Orbax takes no other


def _steps(run: Path) -> list[int]:
    folder = run / FOLDER
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if re.fullmatch("0|[1-9][0-9]{0,17}", name))


@contextlib.contextmanager
def _disk_errors(run: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = re.search(DISK, str(error))
        if reason is None:
            raise
        raise InputError(
            [
                f"{run}: cannot save a checkpoint ({reason[0]}); earlier ones are whole. Make room "
                f"and go on with --resume {shlex.quote(str(run))}"
            ]
        ) from None
