"""The training loop of a sweep: all members of a chunk, step by step, epoch by epoch."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.dataset import Split
from jaxcovid.results import Epoch
from jaxcovid.statistics.weighted_metrics import weighted_metrics
from jaxcovid.training import evaluation
from jaxcovid.training.evaluation import BATCH, Bar
from jaxcovid.training.members import (
    Members,
    Shared,
    finite,
    make_member_step,
    numbers_of,
)
from jaxcovid.training.recipe import learning_rates
from jaxcovid.training.step import Batch, Totals

FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


class Underway(NamedTuple):
    """A chunk in the middle of training; sums are those of the epoch, a row for each member."""

    members: Members
    sums: Float[np.ndarray, "member total"]
    steps: int = 0  # of the epoch
    histories: tuple[tuple[Epoch, ...], ...] = ()
    # The epoch in which a member's numbers became infinite or NaN; 0 if none.
    diverged: tuple[int, ...] = ()

    @property
    def epoch(self) -> int:
        """The one that it is in."""
        return len(self.histories[0]) + 1


def fit(
    shared: Shared,
    configs: Sequence[Config],
    splits: Mapping[str, Split],
    evaluate: Callable[..., Any],
    underway: Underway,
    interrupted: Callable[[], bool],
    bar: Bar,
) -> Iterator[Underway]:
    """The chunk after each epoch, and, as the last thing, where an interruption found it.

    `evaluate` is `make_member_evaluation`, compiled. Members that diverge go on with what they
    have, and do not disturb the others.
    """
    numbers, train = numbers_of(configs), splits["train"]
    seeds = sorted({config.seed for config in configs})
    which = np.array([seeds.index(config.seed) for config in configs])
    count, epochs = len(train.labels), shared.config.epochs
    size = min(shared.config.batch_size, count)
    member_step = make_member_step(shared)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(members: Members, numbers: Any, batches: Batch, which: Any) -> Any:
        # Members of one seed see the same batch.
        batches = batches._replace(images=batches.images.astype(jnp.float32))
        return member_step(members, numbers, jax.tree.map(lambda rows: rows[which], batches))

    while underway.epoch <= epochs:
        epoch, started = underway.epoch, time.perf_counter()
        orders = [loader.epoch_order(seed, epoch, count) for seed in seeds]
        parts = list(zip(*(loader.batches(order, size) for order in orders), strict=True))
        features = train.evaluation
        if shared.config.augment:
            features = train.augmentable[(epoch - 1) % train.augmentable.shape[0]]
        totals: list[Totals] = []
        members = underway.members
        title = f"Epoch {epoch} of {epochs}, {len(configs)} members"
        for part in bar(parts[underway.steps :], desc=title, unit="step", delay=0.5):
            rows = [features[each.indices] for each in part]
            labels = [train.labels[each.indices] for each in part]
            stacks: Any = map(np.stack, (rows, labels, [each.mask for each in part]))
            members, seen = step(members, numbers, Batch(*stacks), which)
            totals.append(seen)
            jax.block_until_ready(totals[-2:][0])  # no more than two steps ahead
            if underway.steps + len(totals) < len(parts) and interrupted():
                break
        sums = underway.sums + _summed(totals)
        underway = underway._replace(members=members, sums=sums, steps=underway.steps + len(totals))
        if underway.steps < len(parts):
            yield underway
            return
        seconds = time.perf_counter() - started
        _, validation = predict(evaluate, members, numbers, splits["validation"], "validation", bar)
        fine = np.isfinite(sums).all(1) & np.isfinite(validation).all(1)
        good = np.asarray(finite(members)) & fine
        histories = []
        for place, config in enumerate(configs):
            own, seen = evaluation.means(sums[place]), evaluation.means(validation[place])
            last = epoch * len(parts)
            row = Epoch(
                epoch,
                last,
                float(jnp.asarray(learning_rates(config, count)[0](last - 1))),
                own.loss,
                own.accuracy,
                seen.loss,
                seen.accuracy,
                round(seconds, 3),
                round(count / seconds, 2),
            )
            histories.append((*underway.histories[place], row))
        diverged = tuple(
            before or (0 if whole else epoch)
            for before, whole in zip(underway.diverged, good, strict=True)
        )
        underway = Underway(members, np.zeros_like(sums), 0, tuple(histories), diverged)
        yield underway


def predict(
    evaluate: Callable, members: Members, numbers: Any, split: Split, name: str, bar: Bar
) -> tuple[Float[np.ndarray, "member n class"], Float[np.ndarray, "member total"]]:
    """Logits of every member for a split's features, and their totals."""
    size = min(BATCH, len(split.labels))
    parts = list(loader.batches(np.arange(len(split.labels)), size))
    logits, totals = [], []
    for part in bar(parts, desc=f"Evaluating {name}", unit="batch", delay=0.5):
        features = np.asarray(split.evaluation[part.indices], np.float32)
        labels = split.labels[part.indices].clip(0)
        found, seen = evaluate(
            members, numbers, Batch(*map(jnp.asarray, (features, labels, part.mask)))
        )
        logits.append(np.asarray(found)[:, part.mask == 1])
        totals.append(seen)
    return np.concatenate(logits, 1), _summed(totals)


def figures(
    logits: Float[np.ndarray, "n class"], shared: Shared, split: Split, classes: Sequence[str]
) -> dict[str, float | None]:
    """What is told of a member about a split; None where undefined."""
    probabilities = np.asarray(jax.nn.softmax(shared.scores(jnp.asarray(logits)), axis=-1))
    values = weighted_metrics(split.labels, probabilities, classes, {})(
        np.ones((1, len(split.labels)))
    )
    found = {name: float(values[name,][0]) for name in FIGURES}
    return {name: None if np.isnan(value) else value for name, value in found.items()}


def _summed(totals: Sequence[Totals]) -> Any:
    steps = [np.stack(each, 1).astype(np.float64) for each in jax.device_get(totals)]
    return np.sum(steps, 0) if steps else 0.0
