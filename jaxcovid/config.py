"""The settings of one run, by group; imports nothing slow, so that --help answers at once."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from jaxcovid.errors import InputError, first_line
from jaxcovid.json_file import read_json
from weights_convert.names import ARCHITECTURES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    ModelName = str
else:
    DataclassInstance = Any
    ModelName = Literal[tuple(ARCHITECTURES)]

Settings = TypeVar("Settings", bound=DataclassInstance)

FIRST_ARCHITECTURE = next(iter(ARCHITECTURES))


# How an image is made square, and what is done to its grey values.
Fit = Literal["crop", "pad", "squash"]
Intensity = Literal["as-is", "standardise", "equalise"]


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Which images are trained on, and what they are called."""

    data: str | tuple[str, ...] | None = None
    """Folder with train/ and validation/ (perhaps test/), one sub-folder per class; or with the
    classes' folders or train/ alone, from which splits are then drawn; or a table of images (.csv,
    .tsv, .txt, .xlsx); or MedMNIST's .npz; or tfds:NAME; not given: the built-in phantoms. Several
    folders and tables are one set."""
    source: tuple[str, ...] = ()
    """Where the images of each of the data come from, such as the names of hospitals. Default:
    several have the names of their folders."""
    split: tuple[float, ...] = ()
    """Shares of training, validation and perhaps test images, where the data have no such splits:
    drawn by the seed, whole patients together, every class in proportion. Default: 70 15 15."""
    split_seed: int | None = None
    """The seed that draws splits, folds and --limit-train. Default: that of --seed."""
    resplit: bool = False
    """Draw splits although the data have some, as where a patient is in several."""
    folds: int | None = None
    """Cross-validation: train so many networks, each without one part of the patients, whom it is
    then measured on; a test split stays apart. Of the others --split shares (default: 85 15) say
    who trains and who chooses epoch and thresholds."""
    fold: int | None = None
    """Only that one of the folds, from 1, as a run by itself."""
    merge: tuple[str, ...] = ()
    """Classes to join, such as infected=covid-19+pneumonia."""
    patients: tuple[Path, ...] = ()
    """CSV files with the columns class, file, patient: intervals and warnings then take all images
    of a patient together. Names as in NIH, CheXpert, MIMIC and BIDS tell the patient without."""
    skip_unreadable: bool = False
    """Go on without unreadable images, and record them."""
    limit_train: int | None = None
    """Use only so many training images."""
    fit: Fit = "crop"
    """What the network sees of an image that is not square: crop cuts the centre out, pad adds
    black, squash scales both sides to the same. predict and evaluate do as the run did."""
    intensity: Intensity = "as-is"
    """Grey values: standardise moves those of every image to one mean and standard deviation,
    equalise makes all values equally common in it."""
    stored_side: int | None = None
    """Pixels of the shorter side to which training images are shrunk before they are augmented.
    Default: 320 to 1024, as large as nearly all of them if those take at most 4 GB."""


@dataclasses.dataclass(frozen=True)
class TableSettings:
    """How a table of images is to be understood."""

    images: Path | None = None
    """Folder below which the files of a table lie. Default: the table's."""
    columns: tuple[str, ...] = ()
    """What a table's columns say, where their names do not: file=path label=finding patient=id
    split=fold source=hospital view=view sex=sex age=age mask=mask. Counted from 0, or from -1 at
    the end, without a header; column:pattern takes a part of each cell; several columns of 0 and 1
    make classes, label=a,b, or findings with `loss` bce and focal."""
    labels: tuple[str, ...] = ()
    """Classes by values of the column of labels, such as covid-19='COVID-19*' normal='[Nn]o
    finding': the first that a value fits; other rows are left out. Default: the values are the
    classes."""
    select_rows: str | None = None
    """Rows of a table to use, such as 'view in ("PA", "AP")' (an expression of pandas)."""
    readers: Literal["majority", "all", "any"] | None = None
    """Whose answer counts where several rows of an image differ."""


# By the usual names of columns.
USUAL_TABLE = TableSettings()


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """The network, where its weights come from, and which of its layers train."""

    model: ModelName = FIRST_ARCHITECTURE
    """Network."""
    trainable: str = "head"
    """What trains: head, last_conv, last_block, all, or comma-separated globs over torchvision's
    names such as 'layer4.*,fc.*'."""
    weights: str = "imagenet"
    """Weights to start from: imagenet (downloaded once), none (random), a .pth or .safetensors file
    with torchvision's names, or the folder of an earlier run."""
    weights_entry: str | None = None
    """Which of several networks in that file: the key or prefix of its weights, such as ema."""
    head: tuple[int, ...] = (320,)
    """Widths of the hidden layers of the new head; give none for a single layer."""
    dropout: float = 0.0
    """Dropout rate in the head."""
    batch_norm: Literal["frozen", "batch"] = "frozen"
    """Batch norm of frozen blocks: frozen uses and keeps the running statistics, batch is torch's
    train-mode habit everywhere."""


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """Loss, optimizer, learning rate, augmentation, and how long."""

    epochs: int = 5
    """Passes over the training images."""
    batch_size: int = 8
    """Images per step."""
    lr: float = 1e-3
    """Learning rate."""
    backbone_lr: float | None = None
    """Learning rate of the trainable layers below the head; the same if not given."""
    momentum: float = 0.9
    """Momentum of sgd."""
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    """Optimizer."""
    weight_decay: float = 0.0
    """Weight decay: decoupled in adamw, part of the gradient otherwise."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over time."""
    warmup_epochs: float = 0.0
    """Epochs of linear warm-up before that."""
    loss: Literal["cross_entropy", "bce", "focal"] = "cross_entropy"
    """Loss: cross_entropy of one class per image; bce or focal, for each output by itself: then a
    table's images may have several findings."""
    focal_gamma: float = 2.0
    """How much less the focal loss weighs what is already right."""
    focal_alpha: tuple[float, ...] = (1.0,)
    """Factor of the focal loss: one, or one for each class or finding."""
    multilabel: tuple[str, ...] = ()
    """Classes that imply others, such as covid-19=covid-19+pneumonia: an image of the first then
    counts as both."""
    class_weights: Literal["none", "balanced"] = "none"
    """Whether rare classes weigh more in the loss."""
    sampling: Literal["as-is", "balanced", "balanced-by-source"] = "as-is"
    """How often each training image is drawn in an epoch, which has as many draws as there are
    images: as-is once each; balanced so that all classes come equally often; balanced-by-source so
    that all classes of all sources do."""
    augment: bool = True
    """Random changes of training images; --no-augment is --augmentation none."""
    augmentation: Literal["assignment", "gentle", "none"] = "assignment"
    """Which: assignment turns by up to 30 degrees, crops to 8 to 100 % of the area and mirrors
    every second image; gentle turns by up to 10, crops to 80 to 100 %, changes the contrast by up
    to a tenth and mirrors none, as the heart lies left. The next four replace single numbers."""
    rotation: float | None = None
    """Degrees by which training images are turned at most, either way."""
    crop_area: tuple[float, ...] = ()
    """Least and largest share of the area to which they are cropped, such as 0.8 1."""
    mirror: float | None = None
    """How many of them are mirrored left to right, 0 to 1."""
    contrast: float | None = None
    """By how much their contrast is changed at most, either way, such as 0.1."""
    views: int = 0
    """Augmented views of each image to keep as features of the frozen part, for epochs in turn; 0
    augments afresh every epoch."""
    select: Literal["best", "last"] | None = None
    """Which epoch's weights are measured and saved: those after the epoch of lowest validation
    loss, or after the last. Default: best; last with a preset."""
    patience: int | None = None
    """Stop after so many epochs without a lower validation loss."""
    seed: int = 0
    """Determines everything random, but for what --split-seed draws."""
    seeds: int = 1
    """Train so many networks, of this seed and those after it, on the same images: they answer
    together, and how far they differ is told. With --folds so many of each fold."""


@dataclasses.dataclass(frozen=True)
class MeasuringSettings:
    """How the trained network is measured."""

    eval_batch_size: int = 32
    """Images per step of evaluation, at most."""
    study: Path | None = None
    """TOML file with what no run knows of a study, for the reporting checklist."""
    operating_point: tuple[str, ...] = ()
    """Where classes are to be called, such as covid-19:sensitivity=0.95 or normal:specificity=0.9:
    the threshold is fixed on the validation images, reported on the others, and known to
    predict."""


@dataclasses.dataclass(frozen=True)
class MachineSettings:
    """Where and in what precision it is computed, and where results go."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the computation: auto is float32 on CPU, else bfloat16. Parameters stay
    float32."""
    parallel: Literal["shard_map", "pmap"] = "shard_map"
    """How a step is spread over several devices."""
    feature_precision: Literal["float32", "float16", "by_memory"] = "float32"
    """Number format of kept outputs of the frozen part; by_memory is what older runs did: float16
    where float32 exceeds the memory budget."""
    memory_budget: float | None = None
    """Gigabytes that images of a folder may take in memory; larger sets are read from disk batch by
    batch, with the same result. Default: half of the machine's memory."""
    checkpoint_every: int | None = None
    """Steps between checkpoints; every epoch has one at its end."""
    output: Path | None = None
    """Folder for the results; must not exist. Default: runs/<model>-<trainable>-<time>."""
    weights_file: str | None = None
    """Another name for weights.pth in the run's folder."""
    resume: Path | None = None
    """Folder of an interrupted run to go on with, exactly, under its own settings."""
    coordinator: str | None = None
    """host:port of process 0 of several, or auto; SLURM, Cloud TPU and Kubernetes are found without
    it."""
    num_processes: int | None = None
    """How many processes share the run."""
    process_id: int | None = None
    """Which of them this is, from 0."""


@dataclasses.dataclass(frozen=True)
class Config(
    MachineSettings,
    MeasuringSettings,
    TrainingSettings,
    NetworkSettings,
    TableSettings,
    DataSettings,
):
    """All settings of one run. A dataclass takes its fields from the last base on: data first.

    >>> config = jaxcovid.Config(trainable="last_block", lr=1e-4)
    >>> config.lr, config.batch_size
    (0.0001, 8)
    """

    @property
    def is_ensemble(self) -> bool:
        """Whether several networks are asked for: of folds, of seeds, or of both."""
        return self.seeds > 1 or self.is_folded

    @property
    def is_folded(self) -> bool:
        """Whether all folds are asked for."""
        return self.folds is not None and self.fold is None

    @property
    def drawing_seed(self) -> int:
        """The seed that draws which images are trained on and measured."""
        return self.seed if self.split_seed is None else self.split_seed


# What runs did before there were settings for it.
BEFORE = {"feature_precision": "by_memory", "stored_side": 320, "select": "last"}

# Settings that say where and how to run, not what comes out.
INCIDENTAL = (
    "data", "images", "parallel", "memory_budget", "checkpoint_every", "patients", "output",
    "weights_file", "study", "resume", "coordinator", "num_processes", "process_id",
)  # fmt: skip


def as_json(settings: DataclassInstance) -> dict[str, Any]:
    """Every setting's value by its name, of JSON's types: tuples are lists, paths are text."""
    return json.loads(json.dumps(dataclasses.asdict(settings), default=str))


def stored(run: Path, name: str = "config.json") -> Config:
    """The settings of an earlier run, set to go on with it.

    `run` is its folder, and `name` the file in it that holds the settings. Raises InputError.
    """
    processes = {"coordinator": None, "num_processes": None, "process_id": None}
    settings = read_settings(Config, run, name)
    return dataclasses.replace(settings, output=run, resume=run, **processes)


def read_settings(kind: type[Settings], run: Path, name: str = "config.json") -> Settings:
    """Those settings of an earlier run that `kind` has as fields.

    Fields that the file lacks have their defaults, and what else it holds is left aside. Raises
    InputError if there is no such file, or if it holds other than settings.
    """
    path = run / name
    try:
        return from_json(kind, read_json(path))
    except OSError as error:
        problem = f"`resume`: {run} is not a run's folder ({path.name}: {error.strerror})"
        raise InputError([problem]) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError([f"`resume`: {path} is damaged ({first_line(error)})"]) from None


def from_json(kind: type[Settings], record: object) -> Settings:
    """Undoes `as_json`; what else is there is left aside, what an older record lacks is as it was.

    Raises ValueError or TypeError.
    """
    if not isinstance(record, dict):
        raise TypeError("no JSON object")
    record = BEFORE | record
    kinds = {name: type_ for name, type_ in get_type_hints(kind).items() if name in record}
    values = {name: _value(record[name], type_) for name, type_ in kinds.items()}
    unfit = [name for name, type_ in kinds.items() if not _fits(values[name], type_)]
    if unfit:
        raise ValueError(f"unfit value of {', '.join(unfit)}")
    return kind(**values)


def _value(value: object, kind: Any) -> object:
    """A value as that type has it, of JSON's: tuples are lists there, paths are text."""
    kinds = (kind,) if get_origin(kind) is tuple else get_args(kind)  # a union
    tuples = [member for member in kinds if get_origin(member) is tuple]
    if tuples and isinstance(value, list):
        return tuple(_value(element, get_args(tuples[0])[0]) for element in value)
    if isinstance(value, str) and Path in (kind, *get_args(kind)):
        return Path(value)
    return value


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        element_kind = get_args(kind)[0]
        return isinstance(value, tuple) and all(_fits(element, element_kind) for element in value)
    if kinds := get_args(kind):  # a union
        return any(_fits(value, member) for member in kinds)
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, int | float if kind is float else kind)
