"""What a sweep that is not finished keeps: outcomes, the chunk in training, the best member so far.

Arrays are kept in the same verified checkpoints as those of a run.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcovid import seal
from jaxcovid.errors import InputError, first_line
from jaxcovid.results import Epoch
from jaxcovid.runs import files
from jaxcovid.stored_shapes import OUTCOMES
from jaxcovid.sweeps.outcome import Outcome
from jaxcovid.training import checkpoint
from jaxcovid.training.epoch_choice import best_epoch
from jaxcovid.training.member_loop import Underway
from jaxcovid.training.step import TrainState

# Below the sweep's folder: outcomes, the chunk in training, the best member so far.
DONE, UNDERWAY, BEST = "done.json", checkpoint.FOLDER, "best_so_far"

# Of sweeps that were begun by earlier versions, which kept arrays otherwise.
FORMER = ("underway.npz", "best.npz")


def read_outcomes(folder: Path) -> list[Outcome]:
    """What became of the members that are done; none if the sweep's folder holds no done.json.

    Raises InputError if that is damaged.
    """
    path = folder / DONE
    if not path.exists():
        return []
    try:
        record = seal.read_sealed(path, ({"outcomes": OUTCOMES}, OUTCOMES))
        # A list in earlier versions.
        outcomes = record["outcomes"] if isinstance(record, dict) else record
        return [Outcome.from_json(outcome) for outcome in outcomes]
    except (ValueError, TypeError) as error:
        reason = first_line(error)
        raise InputError(
            [f"`resume`: {path} is damaged ({reason}); delete it to train all members again"]
        ) from None


def write_outcomes(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Writes done.json in the sweep's folder, over an earlier one. Raises OSError."""
    record = {"outcomes": [outcome.as_json() for outcome in outcomes]}
    files.write_json(folder / DONE, seal.sealed(record))


@contextlib.contextmanager
def underway_writer(
    folder: Path, settings: Mapping[str, Any], places: Sequence[int], first_step: int
) -> Iterator[Callable[[Underway, int], None]]:
    """Gives the function that saves a chunk; it takes the chunk and the steps that it has made.

    `settings` are the sweep's record, `places` those of the chunk's members, `first_step` the steps
    of all chunks before: they name checkpoints, of which the newest are kept. Raises InputError if
    the disk does not take it.
    """
    with checkpoint.writer(folder, settings, UNDERWAY) as save:

        def save_underway(underway: Underway, steps: int) -> None:
            journal = {
                "places": list(places),
                "sums": underway.sums.tolist(),
                "steps": underway.steps,
                "member_steps": steps,
                "histories": underway.histories,
                "diverged": underway.diverged,
                "chosen": underway.chosen is not None,
            }
            save(first_step + steps, _all_members(underway), journal, wait=True)

        yield save_underway


def read_underway(
    folder: Path, places: Sequence[int], start: Underway
) -> tuple[Underway, list[str]]:
    """The chunk as it was left, if it is of the members at `places`, else `start`; and warnings.

    `start` is the chunk before its first step. The warnings are sentences about damaged checkpoints
    that were passed over. Raises InputError if another optax saved it.
    """
    newest, damaged = checkpoint.newest(folder, UNDERWAY)
    warnings = [f"{reason}; going on from the one before" for reason in damaged.values()]
    if newest is None:
        return start, warnings
    journal = newest.account["journal"]
    if journal["places"] != list(places):
        return start, []
    histories = tuple(tuple(Epoch(*row) for row in history) for history in journal["histories"])
    has_chosen = journal.get("chosen", False)  # earlier versions measured the last epoch
    like = start._replace(chosen=start.members) if has_chosen else start
    members, chosen = checkpoint.restored(newest, _all_members(like)), None
    if has_chosen:
        chosen = jax.tree.map(lambda leaf: leaf[len(places) :], members)
        chosen_steps = [best_epoch(history).step for history in histories]
        chosen = chosen._replace(step=jnp.array(chosen_steps, jnp.int32))
        members = jax.tree.map(lambda leaf: leaf[: len(places)], members)
    steps = jnp.full(start.members.step.shape, journal["member_steps"], jnp.int32)
    return Underway(
        members._replace(step=steps),
        np.array(journal["sums"]),
        journal["steps"],
        histories,
        tuple(journal["diverged"]),
        chosen,
    ), warnings


def _all_members(underway: Underway) -> TrainState:
    """The members, and after them, if there are some, those that are chosen."""
    if underway.chosen is None:
        return underway.members
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), underway.members, underway.chosen)


def write_best(
    folder: Path, settings: Mapping[str, Any], member: TrainState, place: int, done: int
) -> None:
    """Saves the best of the members that are done so far, as many as `done`, instead of others.

    `member` has no leading axis, and None for parameters that are frozen; `settings` are the
    sweep's record. Raises InputError if the disk does not take it.
    """
    with checkpoint.writer(folder, settings, BEST) as save:
        journal = {"place": place, "step": int(member.step)}
        save(done, member, journal, wait=True)


def read_best(folder: Path, place: int, like: TrainState) -> TrainState:
    """The state of the best member, which is at `place`.

    `like` is a state of the same settings: what is None there was frozen and not saved. Raises
    InputError if another member, or nothing whole, is saved.
    """
    newest, damaged = checkpoint.newest(folder, BEST)
    if newest is None or newest.account["journal"]["place"] != place:
        reasons = "; ".join(damaged.values())
        raise InputError(
            [
                f"`resume`: the weights of the best member are not in {folder / BEST}"
                f"{f' ({reasons})' if reasons else ''}; start the sweep anew"
            ]
        )
    step = jnp.int32(newest.account["journal"]["step"])
    return checkpoint.restored(newest, like)._replace(step=step)


def remove_state(folder: Path) -> None:
    """Removes all that is only of use to a sweep that is not finished."""
    (folder / DONE).unlink(missing_ok=True)
    for name in (UNDERWAY, BEST):
        shutil.rmtree(folder / name, ignore_errors=True)


def former_problems(folder: Path) -> list[str]:
    """What keeps a sweep from being gone on with that an earlier version began; none if it can."""
    if any((folder / name).exists() for name in FORMER):
        return [f"`resume`: {folder} was begun by an earlier version; start the sweep anew"]
    return []
