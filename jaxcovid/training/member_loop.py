"""The training loop of a sweep: all members of a chunk, step by step, epoch by epoch.

It is not `loop.epochs` with one member more: here a step takes batches of several seeds, a member
that diverges must not stop the others, and the steps of an epoch are looked at together.
"""

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxcovid.compilation import compiler_options
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.folds import Fold
from jaxcovid.data.loader import Indices
from jaxcovid.results import Epoch
from jaxcovid.training.evaluation import BATCH, Bar, means
from jaxcovid.training.frozen_features import Features, training_batches
from jaxcovid.training.members import (
    Apart,
    MemberEvaluation,
    Members,
    Numbers,
    Shared,
    finite,
    make_member_step,
    numbers_of,
)
from jaxcovid.training.recipe import learning_rates
from jaxcovid.training.step import Batch, Totals


class FeatureSplit(NamedTuple):
    """The features of a split's images, and their classes; -1 where unknown.

    `groups` are those of `loader.epoch_order`.
    """

    features: Features
    labels: Int[np.ndarray, "n"]
    groups: Int[np.ndarray, "n"] | None = None


class Underway(NamedTuple):
    """A chunk in the middle of training; sums are those of the epoch, a row for each member.

    `steps` are those made of the epoch. `diverged` is the epoch in which a member's numbers became
    infinite or NaN, 0 if none. `chosen` are the members as they were after the epochs whose
    networks are measured, None where that is the last or none is over.
    """

    members: Members
    sums: Float[np.ndarray, "member total"]
    steps: int = 0
    histories: tuple[tuple[Epoch, ...], ...] = ()
    diverged: tuple[int, ...] = ()
    chosen: Members | None = None

    @property
    def measured(self) -> Members:
        """The members as they are to be measured and saved."""
        return self.members if self.chosen is None else self.chosen

    @property
    def epoch(self) -> int:
        """The number of the epoch that it is in, from 1."""
        return len(self.histories[0]) + 1


def fit(
    shared: Shared,
    configs: Sequence[Config],
    splits: Mapping[str, FeatureSplit],
    evaluate: MemberEvaluation,
    underway: Underway,
    interrupted: Callable[[], bool],
    bar: Bar,
    folds: Sequence[Fold] | None = None,
) -> Iterator[Underway]:
    """The chunk after each epoch; if interrupted, as the last thing, the chunk where it stopped.

    `shared.config` holds the settings that all members, `configs`, have in common. `splits` needs
    "train" and "validation". `evaluate` is `make_member_evaluation`, compiled. Members that diverge
    go on with what they have, and do not disturb the others. With `folds`, one for each, they train
    on these places of "train", and are judged on those by an `evaluate` of each if folds name any.
    """
    numbers, train = numbers_of(configs), splits["train"]
    apart = None if folds is None else apart_of(configs, train.labels, folds)
    # Members of one seed that train on the same images see the same batches.
    seeds = [config.seed for config in configs]
    courses = sorted({*seeds}) if folds is None else [*range(len(configs))]
    which = np.array([courses.index(seed) for seed in seeds] if folds is None else courses)
    counts = training_counts(configs, train, folds)
    step = _compiled_step(shared)
    while underway.epoch <= shared.config.epochs:
        started = time.perf_counter()
        batches = _batches(configs, underway.epoch, train, folds)
        totals: list[Totals] = []
        members = underway.members
        title = f"Epoch {underway.epoch} of {shared.config.epochs}, {len(configs)} members"
        for of_seeds in bar(batches[underway.steps :], desc=title, unit="step", delay=0.5):
            stacked = _stacked_batches(train, of_seeds, underway.epoch)
            members, of_step = step(members, numbers, stacked, which, apart)
            totals.append(of_step)
            jax.block_until_ready(totals[-2:][0])  # no more than two steps ahead
            if underway.steps + len(totals) < len(batches) and interrupted():
                break
        underway = underway._replace(
            members=members,
            sums=underway.sums + _summed(totals),
            steps=underway.steps + len(totals),
        )
        if underway.steps < len(batches):
            yield underway
            return
        seconds = time.perf_counter() - started
        if not any(len(fold.validation) for fold in folds or ()):
            _, validation = predict_members(
                evaluate, members, numbers, splits["validation"], "validation", bar, apart
            )
        else:
            rows = [fold.validation for fold in folds or ()]
            _, validation = predict_rows(
                evaluate, members, numbers, train, rows, apart, "validation", bar
            )
        underway = _after_epoch(configs, underway, validation, counts, seconds)
        if shared.config.select == "best":
            underway = underway._replace(chosen=_chosen(underway))
        yield underway


def predict_members(
    evaluate: MemberEvaluation,
    members: Members,
    numbers: Numbers,
    split: FeatureSplit,
    name: str,
    bar: Bar,
    apart: Apart | None = None,
) -> tuple[Float[np.ndarray, "member n class"], Float[np.ndarray, "member total"]]:
    """Logits of every member for the evaluation features of a split, in its order, and totals.

    `name` is what the progress bar calls the split, `apart` what members have apart if they do.
    """
    size = min(BATCH, len(split.labels))
    batches = list(loader.batches(np.arange(len(split.labels)), size))
    logits, totals = [], []
    for batch in bar(batches, desc=f"Evaluating {name}", unit="batch", delay=0.5):
        features = np.asarray(split.features.evaluation[batch.indices], np.float32)
        labels = split.labels[batch.indices].clip(0)
        of_batch, sums = evaluate(
            members, numbers, Batch(*map(jnp.asarray, (features, labels, batch.mask))), apart
        )
        logits.append(np.asarray(of_batch)[:, batch.mask == 1])
        totals.append(sums)
    return np.concatenate(logits, 1), _summed(totals)


def predict_rows(
    evaluate: MemberEvaluation,
    members: Members,
    numbers: Numbers,
    split: FeatureSplit,
    rows: Sequence[Int[np.ndarray, "_"]],
    apart: Apart | None,
    name: str,
    bar: Bar,
) -> tuple[list[Float[np.ndarray, "_ class"]], Float[np.ndarray, "member total"]]:
    """The same for images of each member's own, by their places in the split.

    `evaluate` is `make_member_evaluation` of each, compiled.
    """
    size = min(BATCH, max(map(len, rows)))
    of_members = _as_long(
        [list(loader.batches(of_member.astype(np.int32), size)) for of_member in rows], size
    )
    logits, masks, totals = [], [], []
    for batches in bar(of_members, desc=f"Evaluating {name}", unit="batch", delay=0.5):
        indices, mask = (np.stack(rows) for rows in zip(*batches, strict=True))
        features = np.asarray(split.features.evaluation[indices], np.float32)
        labels = split.labels[indices].clip(0)
        of_batch, sums = evaluate(
            members, numbers, Batch(*map(jnp.asarray, (features, labels, mask))), apart
        )
        logits.append(np.asarray(of_batch))
        masks.append(mask)
        totals.append(sums)
    joined, counted = np.concatenate(logits, 1), np.concatenate(masks, 1)
    return [of[mask == 1] for of, mask in zip(joined, counted, strict=True)], _summed(totals)


def apart_of(
    configs: Sequence[Config], labels: Int[np.ndarray, "n"], folds: Sequence[Fold]
) -> Apart:
    """What the members of folds have apart; `labels` are those of all images."""
    most = max(len(fold.train) for fold in folds)
    padded = np.full((len(folds), most), -1, np.int32)
    steps = np.arange(configs[0].epochs * -(-most // configs[0].batch_size))
    rates = []
    for row, fold, config in zip(padded, folds, configs, strict=True):
        row[: len(fold.train)] = labels[fold.train]
        of_member = [np.asarray(rate(steps)) for rate in learning_rates(config, len(fold.train))]
        rates.append(np.broadcast_to(np.stack(of_member).reshape(2, -1), (2, len(steps))))
    head, backbone = np.stack(rates, 1).astype(np.float32)
    return Apart(padded, head, backbone)


def training_counts(
    configs: Sequence[Config], train: FeatureSplit, folds: Sequence[Fold] | None
) -> list[int]:
    """How many images each member trains on."""
    if folds is None:
        return [len(train.labels)] * len(configs)
    return [len(fold.train) for fold in folds]


def _compiled_step(shared: Shared) -> Callable[..., tuple[Members, Totals]]:
    """(members, numbers, a batch of each seed, the seed's place by member) to the next members."""
    member_step = make_member_step(shared)

    @functools.partial(jax.jit, donate_argnums=0, compiler_options=compiler_options())
    def step(
        members: Members,
        numbers: Numbers,
        batches: Batch,
        which: Int[Array, "member"],
        apart: Apart | None,
    ) -> tuple[Members, Totals]:
        batches = batches._replace(images=batches.images.astype(jnp.float32))
        of_members = jax.tree.map(lambda rows: rows[which], batches)
        return member_step(members, numbers, of_members, apart)

    return step


def _batches(
    configs: Sequence[Config], epoch: int, train: FeatureSplit, folds: Sequence[Fold] | None
) -> list[tuple[Indices, ...]]:
    """For each step of the epoch, the batch of each seed, or of each fold."""
    if folds is None:
        everything = np.arange(len(train.labels))
        courses = [(seed, everything) for seed in sorted({config.seed for config in configs})]
    else:
        courses = [(config.seed, fold.train) for config, fold in zip(configs, folds, strict=True)]
    size = min(configs[0].batch_size, max(len(rows) for _, rows in courses))
    of_courses = []
    for seed, rows in courses:
        groups = None if train.groups is None else train.groups[rows]
        order = loader.epoch_order(seed, epoch, len(rows), groups)
        again, places = np.divmod(order, len(rows))
        draws = rows[places] + again * len(train.labels)
        of_courses.append(list(loader.batches(draws, size)))
    return _as_long(of_courses, size)


def _as_long(of_members: Sequence[list[Indices]], size: int) -> list[tuple[Indices, ...]]:
    """The batches of all side by side; what is shorter ends with some in which nothing counts."""
    nothing = Indices(np.zeros(size, np.int32), np.zeros(size, np.float32))
    longest = max(map(len, of_members))
    padded = [[*batches, *[nothing] * (longest - len(batches))] for batches in of_members]
    return list(zip(*padded, strict=True))


def _stacked_batches(train: FeatureSplit, batches: Sequence[Indices], epoch: int) -> Batch:
    """The batch of each seed along a leading axis."""
    of_seeds = list(training_batches(train.features, train.labels, batches, epoch))
    return jax.tree.map(lambda *rows: np.stack(rows), *of_seeds)


def _after_epoch(
    configs: Sequence[Config],
    underway: Underway,
    validation: Float[np.ndarray, "member total"],
    counts: Sequence[int],
    seconds: float,
) -> Underway:
    """The chunk at the start of the next epoch, with a line of history for each member."""
    epoch, histories = underway.epoch, []
    whole = (
        np.asarray(finite(underway.members))
        & np.isfinite(underway.sums).all(1)
        & np.isfinite(validation).all(1)
    )
    for place, (config, examples) in enumerate(zip(configs, counts, strict=True)):
        last = epoch * -(-examples // config.batch_size)
        row = Epoch(
            epoch,
            last,
            float(jnp.asarray(learning_rates(config, examples)[0](last - 1))),
            *means(underway.sums[place]),
            *means(validation[place]),
            round(seconds, 3),
            round(examples / seconds, 2),
        )
        histories.append((*underway.histories[place], row))
    diverged = tuple(
        before or (0 if is_whole else epoch)
        for before, is_whole in zip(underway.diverged, whole, strict=True)
    )
    sums = np.zeros_like(underway.sums)
    return Underway(underway.members, sums, 0, tuple(histories), diverged, underway.chosen)


def _chosen(underway: Underway) -> Members:
    """Each member as it was after the first of its epochs of lowest validation loss."""
    losses = [[row.validation_loss for row in history] for history in underway.histories]
    lower = np.array([last < min(before, default=np.inf) for *before, last in losses])
    if underway.chosen is None:  # the members' memory is used up by the next step
        return jax.tree.map(jnp.copy, underway.members)
    return _where(lower, underway.members, underway.chosen)


@jax.jit
def _where(which: Bool[Array, "member"], ones: Members, others: Members) -> Members:
    """The ones where asked for, else the others."""
    return jax.tree.map(
        lambda one, other: jnp.where(which.reshape(-1, *(1,) * (one.ndim - 1)), one, other),
        ones,
        others,
    )


def _summed(totals: Sequence[Totals]) -> Float[np.ndarray, "member total"]:
    steps = [np.stack(of_step, 1).astype(np.float64) for of_step in jax.device_get(totals)]
    return np.sum(steps, 0)
