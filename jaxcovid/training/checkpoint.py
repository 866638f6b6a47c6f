"""Checkpoints: saved by Orbax in the background, verified when read. Only this file imports it."""

import contextlib
import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from orbax.checkpoint import v1 as ocp

from jaxcovid import models, parallel
from jaxcovid.errors import InputError, first_line, system_reason
from jaxcovid.json_file import misfit, read_json
from jaxcovid.regular_file import ordinary_files
from jaxcovid.stored_shapes import ACCOUNT
from jaxcovid.training.freeze_audit import digest
from jaxcovid.training.kept_checkpoints import LatestAndBest
from jaxcovid.training.orbax_logging import collect_unfinished, no_echoes, quietly
from jaxcovid.training.pytrees import Params, Variables
from jaxcovid.training.step import TrainState

# Below a run's folder.
FOLDER = "checkpoints"


class Checkpoint(NamedTuple):
    """What a checkpoint holds: arrays, and the run's account of settings and progress.

    `model` are the variables, `training` the optimizer's state and the key, by name. The account
    holds JSON values: the settings of the run, the journal, the validation loss and the digests.
    """

    step: int
    model: Variables
    training: dict[str, np.ndarray]
    account: dict[str, Any]


class Trained(NamedTuple):
    """What prediction needs: `model.apply(variables, images)` gives logits over `classes`."""

    model: models.Model
    variables: Variables
    classes: tuple[str, ...]


@runtime_checkable
class Save(Protocol):
    """Saves a checkpoint, as `writer` says."""

    def __call__(
        self,
        step: int,
        state: TrainState,
        journal: Mapping[str, Any],
        validation_loss: float | None = None,
        wait: bool = False,
    ) -> None:
        """Saves the state and the journal under the number of the step."""
        ...


def load_checkpoint(run: Path | str, which: Literal["latest", "best"] = "latest") -> Trained:
    """Model, variables and classes of a run; "best" has the lowest validation loss.

    Images are to be prepared by `data.images.evaluation_view` and `data.loader.normalise`. A
    damaged checkpoint is passed over with a warning. Raises InputError if none is whole.
    """
    run = Path(run)
    steps = _steps(run / FOLDER)[::-1]
    if which == "best":
        losses = {step: loss for step, loss in losses_of(run).items() if loss is not None}
        steps = sorted(losses, key=losses.__getitem__)
    whole, damaged = _first_whole(run / FOLDER, steps)
    if whole is None:
        reasons = [f"  {reason}" for reason in damaged.values()]
        raise InputError([f"{run}: no {which} checkpoint in {FOLDER}/", *reasons])
    for reason in damaged.values():
        warnings.warn(f"{run}: {reason}; taking step {whole.step}", stacklevel=2)
    settings = whole.account["settings"]
    classes = tuple(settings["dataset"]["classes"])
    model = models.build(
        settings["model"],
        len(classes),
        settings["head"],
        settings["dropout"],
        jnp.dtype(settings["precision"]),
    )
    return Trained(model, jax.tree.map(jnp.asarray, whole.model), classes)


@contextlib.contextmanager
def writer(run: Path, settings: Mapping[str, Any], folder: str = FOLDER) -> Iterator[Save]:
    """Gives the function that saves a checkpoint, in the background unless told to wait.

    It takes the step that names the checkpoint, a state (in which parameters may be None that are
    not to be saved) and a journal. `settings` and the journal are JSON values; `folder` is a name
    below `run`. The latest two checkpoints are kept, and that of lowest validation loss. Raises
    InputError if the disk does not take it.
    """
    keep = LatestAndBest(losses_of(run, folder))

    def save(
        step: int,
        state: TrainState,
        journal: Mapping[str, Any],
        validation_loss: float | None = None,
        wait: bool = False,
    ) -> None:
        keep.losses[step] = validation_loss
        # A copy, since the next step reuses the state's memory.
        arrays = jax.tree.map(np.array, _arrays(state))
        account = {"settings": settings, "journal": journal, "validation_loss": validation_loss}
        account["digests"] = _digests(arrays)
        with _disk_errors(run):
            checkpointer.save_checkpointables_async(
                step,
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
                _absolute(run / folder), preservation_policy=keep, cleanup_tmp_directories=True
            )
        closing = _disk_errors(run)
        try:
            yield save
        except Exception as error:
            # Closing fails for want of the process that is gone, which is what is to be told.
            if parallel.is_device_error(error):
                closing = contextlib.suppress(Exception)
            raise
        finally:
            with closing:
                checkpointer.close()


def restored(checkpoint: Checkpoint, like: TrainState) -> TrainState:
    """The training state that was saved; `like` is one of the same settings.

    Parameters that are None in `like` stay None. Raises InputError if optax's state has parts that
    the checkpoint lacks.
    """
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
    return TrainState(
        jnp.full(like.step.shape, checkpoint.step, jnp.int32),
        _in_place_of(like.params, checkpoint.model["params"]),
        checkpoint.model["batch_stats"],
        opt_state,
        key,
    )


def newest(run: Path, folder: str = FOLDER) -> tuple[Checkpoint | None, dict[int, str]]:
    """The newest checkpoint that is whole, and a sentence about each later step, by step.

    `folder` is a name below `run`. None if no checkpoint is whole. Raises InputError if the system
    could not read one, which says nothing of what it holds.
    """
    return _first_whole(run / folder, _steps(run / folder)[::-1])


def of_step(run: Path, step: int) -> Checkpoint:
    """The checkpoint of that step. Raises InputError if it is not whole, or not there."""
    whole, damaged = _first_whole(run / FOLDER, [step])
    if whole is None:
        advice = "the epoch whose network is to be measured; start the run again"
        raise InputError([f"{run}: {damaged[step]}: {advice}"])
    return whole


def _first_whole(folder: Path, steps: Iterable[int]) -> tuple[Checkpoint | None, dict[int, str]]:
    """The first of these checkpoints that is whole, and what is wrong with those before it.

    Raises InputError if the system could not read one.
    """
    damaged = {}
    for step in steps:
        try:
            with quietly(), _system_errors(folder, step):
                return _read(folder, step), damaged
        except InputError:
            raise
        except Exception as error:  # whatever Orbax says of files that were tampered with
            damaged[step] = f"checkpoint {step} is damaged ({first_line(error)})"
        collect_unfinished()
    return None, damaged


def losses_of(run: Path, folder: str = FOLDER) -> dict[int, float | None]:
    """The validation loss that each checkpoint states, by step; None in the middle of an epoch.

    Checkpoints that do not say what they hold are left out. Raises InputError if the system could
    not read one.
    """
    losses = {}
    for step in _steps(run / folder):
        try:
            with quietly(), _system_errors(run / folder, step):
                losses[step] = _account(run / folder, step)["validation_loss"]
        except InputError:
            raise
        except Exception:  # whatever Orbax says of files that were tampered with
            pass
        if step not in losses:
            collect_unfinished()
    return losses


@contextlib.contextmanager
def _system_errors(folder: Path, step: int) -> Iterator[None]:
    """While it lasts, what the system says of disk, network, rights or memory is an InputError."""
    try:
        yield
    except Exception as error:
        if (reason := system_reason(error)) is None:
            raise
        raise InputError(
            [f"{folder / str(step)}: cannot be read ({reason}); nothing was changed, try again"]
        ) from None


def set_aside(run: Path, steps: Iterable[int]) -> None:
    """Moves the checkpoints of these steps of a run to RUN/damaged-STEP, over earlier ones."""
    for step in steps:
        target = run / f"damaged-{step}"
        shutil.rmtree(target, ignore_errors=True)
        (run / FOLDER / str(step)).rename(target)


KEY = "key"


def _arrays(state: TrainState) -> dict[str, Variables]:
    # The optimizer's state by name: what it consists of is of no concern to a file.
    leaves = jax.tree.leaves_with_path(state.opt_state)
    return {
        "model": {"params": _present(state.params), "batch_stats": state.batch_stats},
        "training": {KEY: jax.random.key_data(state.key)}
        | {_name(path): leaf for path, leaf in leaves},
    }


def _present(tree: Params) -> Params:
    """Without the leaves that are None."""
    flat = traverse_util.flatten_dict(tree)
    return traverse_util.unflatten_dict(
        {path: leaf for path, leaf in flat.items() if leaf is not None}
    )


def _in_place_of(like: Params, saved: Params) -> Params:
    """The saved leaves in the structure of `like`, None where it has None."""
    flat = traverse_util.flatten_dict(saved)
    return jax.tree.map_with_path(lambda path, _: flat[tuple(key.key for key in path)], like)


def _name(path: jax.tree_util.KeyPath) -> str:
    return "opt_state." + jax.tree_util.keystr(path, simple=True, separator=".")


def _account(folder: Path, step: int) -> dict[str, Any]:
    """What a checkpoint says of itself. Raises ValueError."""
    for path in ordinary_files(folder / str(step)):
        if path.name.endswith("METADATA"):  # before Orbax does, which guards against nothing
            read_json(path, finite=False)  # of a sweep's member that diverged
    account: Any = ocp.checkpointables_metadata(_absolute(folder / str(step))).custom_metadata
    if misfit(account, ACCOUNT):
        raise ValueError("it does not say what it holds")
    stated = account.pop("digest")
    if stated != _digest(account):
        raise ValueError("its account of itself was changed")
    return account


def _read(folder: Path, step: int) -> Checkpoint:
    account, path = _account(folder, step), _absolute(folder / str(step))
    # One after another: of two at once, Orbax leaves a coroutine behind where the first is damaged.
    model, training = (ocp.load(path, checkpointable_name=name) for name in ("model", "training"))
    arrays: Any = jax.tree.map(np.asarray, {"model": model, "training": training})
    if wrong := _differences(account["digests"], _digests(arrays)):
        raise ValueError(f"{wrong[0]} and {len(wrong) - 1} more arrays differ from what was saved")
    params, batch_stats = (arrays["model"].get(name) or {} for name in ("params", "batch_stats"))
    variables = {"params": params, "batch_stats": batch_stats}
    return Checkpoint(step, variables, arrays["training"], account)


def _digests(arrays: Mapping[str, Variables]) -> dict[str, str]:
    flat = traverse_util.flatten_dict(arrays, sep="/")
    return {name: digest(np.asarray(leaf)) for name, leaf in flat.items()}


def _differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _digest(account: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(account, sort_keys=True).encode(), digest_size=16).hexdigest()


def _absolute(path: Path) -> str:
    return str(path.absolute())  # Orbax takes no other


def _steps(folder: Path) -> list[int]:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if re.fullmatch("0|[1-9][0-9]{0,17}", name))


@contextlib.contextmanager
def _disk_errors(run: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        # What devices say of a process that is gone are the system's words, too.
        if parallel.is_device_error(error) or (reason := system_reason(error)) is None:
            raise
        raise InputError(
            [
                f"{run}: cannot save a checkpoint ({reason}); earlier ones are whole. Make room "
                f"and go on with `resume={run}`"
            ]
        ) from None
