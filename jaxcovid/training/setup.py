"""What a run computes with: network, targets, first state and compiled steps."""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxcovid import models, parallel
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.dataset import Dataset
from jaxcovid.data.finding_codes import finding_codes
from jaxcovid.errors import NothingFrozenError, check
from jaxcovid.models import Model
from jaxcovid.models.quick import quick_training
from jaxcovid.parallel import Devices
from jaxcovid.results import PlanRow
from jaxcovid.training import checkpoint
from jaxcovid.training.checkpoint import Checkpoint
from jaxcovid.training.evaluation import (
    Bar,
    EvalStep,
    evaluation_of_features,
    evaluation_of_images,
)
from jaxcovid.training.freeze_audit import digests, frozen_paths
from jaxcovid.training.frozen_features import Kept, Store
from jaxcovid.training.frozen_part import FrozenPart, frozen_part
from jaxcovid.training.frozen_prefix import Prefix, first_stage, frozen_prefix, stage_in_front
from jaxcovid.training.images_together import ONE_IMAGE
from jaxcovid.training.initial_weights import Initial, initial_variables
from jaxcovid.training.label_codes import class_codes, class_scores, share_of_findings
from jaxcovid.training.losses import Codes
from jaxcovid.training.parts import Parts
from jaxcovid.training.pytrees import LabelTree, Variables
from jaxcovid.training.recipe import learning_rates, update_rule
from jaxcovid.training.sampling import sampling_groups
from jaxcovid.training.step import (
    Correct,
    Scores,
    TrainState,
    as_they_are,
    init_state,
    largest_is_right,
    make_train_step,
)
from jaxcovid.training.trainable import label, live_norms, plan
from jaxcovid.training.work import Work, training_work
from weights_convert import Entry, table


class Network(NamedTuple):
    """The network, what of it trains, and where it starts from.

    `labels` are "head", "backbone" or "frozen" by parameter, `live_norms` the batch norms that use
    and update the batch's statistics, `frozen` the paths of all leaves that must not change.
    """

    model: Model
    entries: tuple[Entry, ...]
    labels: LabelTree
    live_norms: frozenset[str]
    frozen: frozenset[str]
    plan: list[PlanRow]
    weights_source: str
    # Digests of all leaves before training.
    digests: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def shared(self) -> Model:
        """The model as it computes with a batch that is spread over devices."""
        return self.model.clone(axis_name=parallel.AXIS)


class Targets(NamedTuple):
    """What outputs are compared with: the code of each class, for the loss and for the answer.

    `answer_codes` are None where every output stands for one class. `scores` turns outputs into
    what is compared between classes, `correct` says what the curves of accuracy count as right.
    Outputs that are `independent` are findings, each with a probability of its own.
    """

    codes: Codes
    answer_codes: Codes | None
    scores: Scores
    correct: Correct = largest_is_right
    independent: bool = False


class Steps(NamedTuple):
    """The compiled steps, and what they are given.

    `batch_size` is the number of images of a training step. `learning_rate` is the head's, by step.
    """

    batch_size: int
    work: Work
    evaluate: EvalStep
    learning_rate: Callable[[int], float]


class Task(NamedTuple):
    """Everything that a run computes with; `frozen` is None where features are not used."""

    config: Config
    parts: Parts
    devices: Devices
    dataset: Dataset
    network: Network
    targets: Targets
    frozen: FrozenPart | None
    steps: Steps
    state: TrainState


def prepare(
    config: Config,
    dataset: Dataset,
    devices: Devices,
    bar: Bar,
    *,
    parts: Parts | None = None,
    resumed: Checkpoint | None = None,
    kept: Kept | None = None,
    store: Store | None = None,
) -> Task:
    """Reads weights, or takes those of the checkpoint, and builds the steps.

    `parts` take the place of ordinary ones. With a checkpoint, `resumed`, the state is what was
    saved. `kept` and `store` have features of earlier runs, for this one to use and to add to.
    Raises InputError if settings, weights and data do not fit together, and NothingFrozenError if
    features are to be kept and no part is frozen.
    """
    parts = Parts() if parts is None else parts
    check(_unfit_for_findings(parts) if dataset.findings else [])
    network, variables = prepare_network(config, dataset.findings or dataset.classes, resumed)
    targets = _targets(config, dataset, parts)
    rates = learning_rates(config, len(dataset.splits["train"].labels))
    update = update_rule(config, network.labels, rates)
    key = loader.purpose_key(config.seed, loader.DROPOUT)
    state = init_state(variables, update, network.labels, key)
    if resumed is not None:
        state = checkpoint.restored(resumed, state)
    start = first_stage(network.model, network.labels, network.live_norms)
    prefix = frozen_prefix(network.model, variables, start, devices)
    frozen = None
    if prefix is not None:
        unchanged = {path: network.digests[path] for path in network.frozen}
        kept = {} if kept is None else kept
        frozen = frozen_part(config, parts, dataset, prefix, unchanged, devices, bar, kept, store)
    elif config.views:
        raise NothingFrozenError(
            [
                "`views`: training changes the network from its first layer on, so there are no "
                "features to keep; leave it out, or choose another `trainable` or `batch_norm`"
            ]
        )
    return Task(
        config=config,
        parts=parts,
        devices=devices,
        dataset=dataset,
        network=network._replace(warnings=(*network.warnings, *parts.warnings)),
        targets=targets,
        frozen=frozen,
        steps=_steps(config, parts, dataset, network, targets, frozen, prefix, update, devices),
        state=parallel.replicate(state, devices),
    )


def prepare_network(
    config: Config, classes: tuple[str, ...], resumed: Checkpoint | None = None
) -> tuple[Network, Variables]:
    """The network for these classes, and its first variables or those of the checkpoint.

    Raises InputError if no parameter has a name that `trainable` asks for, or if the weights do not
    fit.
    """
    entries = table(config.model, len(classes), config.head, config.dropout > 0)
    model = models.build(
        config.model, len(classes), config.head, config.dropout, jnp.dtype(config.precision)
    )
    abstract: Variables = jax.eval_shape(model.init, jax.random.key(0), ONE_IMAGE)
    labels = label(abstract["params"], config.model, config.trainable, entries)
    norms = live_norms(abstract.get("batch_stats", {}), labels, config.batch_norm)
    if resumed is None:
        initial = initial_variables(config, model, entries, classes, labels)
        before = digests(initial.variables["params"], initial.variables["batch_stats"])
    else:
        initial = Initial(resumed.model, resumed.account["settings"]["weights_source"])
        before = resumed.account["journal"]["before"]
    params, batch_stats = initial.variables["params"], initial.variables["batch_stats"]
    network = Network(
        model=model,
        entries=entries,
        labels=labels,
        live_norms=norms,
        frozen=frozen_paths(labels, batch_stats, norms),
        plan=plan(params, labels, norms, entries),
        weights_source=initial.source,
        digests=before,
        warnings=initial.warnings,
    )
    return network, initial.variables


def _unfit_for_findings(parts: Parts) -> list[str]:
    """Parts in place of ordinary ones: they are about classes of which each image has one."""
    return [
        f"`{name}`: it is about classes, but the images have several findings each; leave it out"
        for name, value in parts.settings.items()
        if value
    ]


def _targets(config: Config, dataset: Dataset, parts: Parts) -> Targets:
    if dataset.findings:
        codes = finding_codes(dataset.classes, dataset.findings)
        return Targets(codes, None, as_they_are, share_of_findings(codes), independent=True)
    outputs = class_codes(dataset.classes, config.multilabel)
    scores, answer_codes = as_they_are, None
    if config.multilabel and parts.answer_by_codes:
        scores, answer_codes = functools.partial(class_scores, codes=outputs), outputs
    correct = _by_scores(scores)
    if parts.correct is not None:
        correct = parts.correct(outputs, parallel.AXIS)
    return Targets(outputs, answer_codes, scores, correct)


def _by_scores(scores: Scores) -> Correct:
    return lambda logits, labels, mask: largest_is_right(scores(logits), labels, mask)


def _steps(
    config: Config,
    parts: Parts,
    dataset: Dataset,
    network: Network,
    targets: Targets,
    frozen: FrozenPart | None,
    prefix: Prefix | None,
    update: optax.GradientTransformation,
    devices: Devices,
) -> Steps:
    train, model = dataset.splits["train"], network.shared
    groups = sampling_groups(config, dataset)
    loss = parts.loss(config, targets.codes, train.labels, parallel.AXIS)
    features = None
    if frozen is not None and config.views:
        features = frozen.features("train", bool)
    train_step = make_train_step(
        quick_training(model),
        loss,
        update,
        network.labels,
        network.live_norms,
        targets.correct,
        None if prefix is None else prefix.start,
    )
    batch_size = min(config.batch_size, len(train.labels))
    if frozen is not None:
        evaluate = evaluation_of_features(model, loss, devices, frozen.start, targets.correct)
    elif parts.evaluation is None:
        stage = stage_in_front(model, None if prefix is None else prefix.start)
        evaluate = evaluation_of_images(model, loss, devices, targets.correct, stage)
    else:
        evaluate = parts.evaluation.step(model, config, loss, targets.correct, devices)
    rate, _ = learning_rates(config, len(train.labels))
    return Steps(
        batch_size=batch_size,
        work=training_work(
            config, train, features, prefix, train_step, devices, batch_size, groups
        ),
        evaluate=evaluate,
        learning_rate=lambda step: float(np.asarray(rate(step))),
    )
