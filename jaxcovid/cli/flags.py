"""The flags of every command; imports nothing slow, so that --help answers at once."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import tyro

from jaxcovid.assignment import presets
from jaxcovid.assignment.plan import ReproductionSettings
from jaxcovid.assignment.settings import AssignmentSettings
from jaxcovid.cli.parsing import Flags, parsed
from jaxcovid.config import (
    USUAL_TABLE,
    Config,
    DataSettings,
    MachineSettings,
    MeasuringSettings,
    NetworkSettings,
    TableSettings,
    TrainingSettings,
)
from jaxcovid.sweeps.metric import Metric

# All that a run takes from its flags.
RunSettings = tuple[Config, AssignmentSettings]


@dataclasses.dataclass(frozen=True)
class Train:
    """Fine-tune an ImageNet network on chest X-rays and measure the result.

    Without --data it trains on built-in drawn phantoms. NOT FOR CLINICAL USE.
    """

    data: DataSettings
    table: TableSettings
    network: NetworkSettings
    training: TrainingSettings
    measuring: MeasuringSettings
    where_it_runs: MachineSettings
    assignment: AssignmentSettings


@dataclasses.dataclass(frozen=True)
class Predict:
    """Class and probabilities of images, by a trained network. NOT FOR CLINICAL USE."""

    run: tyro.conf.Positional[Path]
    """Folder of a finished run, or a weights.safetensors or weights.pth that one wrote."""
    images: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IMAGE|FOLDER...")
    ]
    """Image files, and folders of them: PNG, JPEG, DICOM."""
    csv: Path | None = None
    """Where to write the answers; a file that is there is replaced; - is standard output."""
    explain: Path | None = None
    """Folder for pictures of where the network looked (Grad-CAM)."""
    operating_point: tuple[str, ...] = ()
    """Answer with a class from its threshold on, else with the likeliest of the others: points that
    the run was trained with, such as covid-19:sensitivity=0.95; of several the first reached."""


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Metrics and report of a trained network on other data; of two, also how they compare.

    NOT FOR CLINICAL USE.
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN [RUN]")]
    """Folder of a finished run, or a weights.safetensors or weights.pth that one wrote; two are
    compared on the same images."""
    data: tuple[Path, ...]
    """Folder that holds the split, or the classes' folders; or a table of images (.csv, .tsv, .txt,
    .xlsx); or MedMNIST's .npz. Several folders and tables are joined, each a source of its own."""
    source: tuple[str, ...] = ()
    """The names of these sources; otherwise they are called as their folders are."""
    table: TableSettings = USUAL_TABLE
    split: str = "test"
    """Which split: test, validation or train, by any name of its folder such as val; where there
    are no splits, all images."""
    patients: tuple[Path, ...] = ()
    """CSV files with the columns class, file, patient; also source, view, sex, age."""
    study: Path | None = None
    """TOML file with what no run knows of a study, for the reporting checklist."""
    output: Path | None = None
    """Folder for the results; must not exist. Default: evaluations/<run>-<data>-<time>."""
    skip_unreadable: bool = False
    """Go on without unreadable images, and record them."""


@dataclasses.dataclass(frozen=True)
class Audit:
    """What may mislead in a set of images: leaks, shortcuts, and what a network goes by.

    Exit code 1 if a check fails. NOT FOR CLINICAL USE.
    """

    data: Path
    """Folder of splits, or of classes without a split; or a table of images (.csv, .tsv, .txt,
    .xlsx); or MedMNIST's .npz."""
    run: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="RUN")] = None
    """Folder of a finished run, or a weights.safetensors or weights.pth that one wrote, to be
    audited on these images."""
    table: TableSettings = USUAL_TABLE
    patients: tuple[Path, ...] = ()
    """CSV files with the columns class, file, patient; also source, view, sex, age, mask."""
    learning_curve: bool = False
    """Train on shares of the patients with RUN's settings: what more patients would bring."""
    folds: int | None = None
    """Measure the learning curve by cross-validation of so many folds, on every image of the data
    but those of a test split."""
    output: Path | None = None
    """Folder for the results; must not exist. Default: audits/<data>-<time>."""
    skip_unreadable: bool = False
    """Go on without unreadable images, and record them."""


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Train every combination of these values with several seeds, all at once, and compare them.

    All other flags are those of train and hold for every member. --views (default: --epochs) says
    how many augmented views of each image are kept. NOT FOR CLINICAL USE.
    """

    lr: tuple[float, ...] = ()
    """Learning rates."""
    backbone_lr: tuple[float, ...] = ()
    """Learning rates of the trainable layers below the head."""
    momentum: tuple[float, ...] = ()
    """Momenta of sgd."""
    weight_decay: tuple[float, ...] = ()
    """Weight decays."""
    focal_gamma: tuple[float, ...] = ()
    """Gammas of the focal loss."""
    focal_alpha: tuple[float, ...] = ()
    """Factors of the focal loss, each for all classes."""
    seeds: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: 1)")] = 1
    """Seeds of each combination, from --seed on."""
    metric: Metric = "balanced_accuracy"
    """By which figure of the validation images settings are compared and the best is chosen."""


# Names of settings that a message may hold in backquotes.
SETTINGS = frozenset(
    field.name
    for kind in (Config, AssignmentSettings, Predict, Evaluate, Audit, Sweep, ReproductionSettings)
    for field in dataclasses.fields(kind)
    if not dataclasses.is_dataclass(field.type)  # a group of them
) | {"list_presets"}


def parsed_settings(
    arguments: Sequence[str], program: str, defaults: RunSettings | None = None
) -> RunSettings:
    """The settings that the flags of a run give; `defaults` are those that they leave out."""
    config, assignment = (Config(), AssignmentSettings()) if defaults is None else defaults
    default = Train(
        _only(DataSettings, config),
        _only(TableSettings, config),
        _only(NetworkSettings, config),
        _only(TrainingSettings, config),
        _only(MeasuringSettings, config),
        _only(MachineSettings, config),
        assignment,
    )
    flags = parsed(Train, arguments, program, default=default)
    values: dict[str, Any] = {}
    for group in (
        flags.data, flags.table, flags.network, flags.training, flags.measuring, flags.where_it_runs
    ):  # fmt: skip
        values |= vars(group)
    return Config(**values), flags.assignment


def settings_over_preset(arguments: Sequence[str], program: str) -> RunSettings:
    """The settings that the flags of a run give, over those of the preset that they name, if any.

    Raises InputError if there is no such preset.
    """
    config, assignment = parsed_settings(arguments, program)
    if assignment.preset is None:
        return config, assignment
    defaults = presets.config(assignment.preset, assignment.as_written)
    return parsed_settings(arguments, program, defaults)


def _only(kind: type[Flags], config: Config) -> Flags:
    """The settings of one group."""
    return kind(**{name: getattr(config, name) for name in get_type_hints(kind)})
