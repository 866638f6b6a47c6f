"""A trained network from what a run leaves behind: its folder, or a file of its weights."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxcovid import models, parallel, seal
from jaxcovid.config import Config, Fit, Intensity, from_json
from jaxcovid.data.loader import MEAN, STD
from jaxcovid.data.merge import joined
from jaxcovid.data.preparation import AS_TORCHVISION, CROP, RESIZE, Preparation
from jaxcovid.errors import InputError, check, first_line
from jaxcovid.inference import out_of_place
from jaxcovid.inference.network_folders import FOLDS, holds_several, network_names
from jaxcovid.json_file import Shape, parsed_json, read_json
from jaxcovid.models import ensemble
from jaxcovid.stored_shapes import FIGURE, MEASURED, MEASURED_FINDINGS, RECORD
from jaxcovid.training.initial_weights import unfit_values
from jaxcovid.training.losses import Codes
from jaxcovid.training.stated_loss import loss_of
from weights_convert import ConversionError, FormatError, read, table, torch_to_flax

# Of config.json and metrics.json what is there.
OF_RUN: Shape = {f"{name}?": kind for name, kind in RECORD.items()}
OF_SPLITS: Shape = {
    f"{split}?": (MEASURED, MEASURED_FINDINGS) for split in ("train", "validation", "test")
}

OF_ENSEMBLE: Shape = {
    **OF_SPLITS, "out_of_fold?": MEASURED, "thresholds": {str: {str: FIGURE}}
}  # fmt: skip

PREPROCESSING = {"resize": RESIZE, "crop": CROP, "mean": list(MEAN), "std": list(STD)}


# What metadata say of outputs that are findings; of classes they say nothing.
INDEPENDENT = "independent"


class InferenceModel(NamedTuple):
    """A network over `classes`, ready to `predict` and to `evaluate`.

    `model.apply(variables, images)` gives logits. `thresholds` are those of
    `statistics.operating_points` on the run's validation images; `record` is the run's config.json,
    empty for a file of weights. `codes` are what each class is coded as, where classes imply
    others, and `merge` says which classes these were joined from, as the setting of that name does.
    `metrics` are those of the run's metrics.json, empty for a file of weights. `loss` is what
    `stated_loss` says of the run's, None where that is not known. `changes` are sentences about
    files of the run that are not what was written; answers do not depend on them. `preparation` is
    what is done to images before. With `independent` outputs an image may have several of
    `classes`: they are findings, each with a probability of its own. `familiar` is what is known of
    the images that it was trained on, by each of its networks; empty where nothing is.

    >>> network = jaxcovid.load(run)
    >>> network.variables["params"]["fc_0"]["kernel"].shape
    (512, 8)
    """

    name: str
    architecture: str
    model: models.Model | models.Ensemble
    variables: dict[str, Any]
    classes: tuple[str, ...]
    codes: Codes | None
    merge: tuple[str, ...]
    thresholds: dict[str, dict[str, float | None]]
    record: dict[str, Any]
    metrics: dict[str, Any]
    loss: dict[str, Any] | None = None
    changes: tuple[str, ...] = ()
    preparation: Preparation = AS_TORCHVISION
    independent: bool = False
    familiar: tuple[out_of_place.Familiar, ...] = ()


def load(source: Path | str) -> InferenceModel:
    """The network of a finished run's folder, or of a .safetensors or .pth that a run exported.

    It computes in float32. Raises InputError if the source cannot be read, is damaged, holds
    numbers that are not finite, or is of another program. Of a folder with networks of folds or
    seeds it is all of them, which answer with the mean of their probabilities.

    >>> network = jaxcovid.load(run)
    >>> network.architecture, network.classes
    ('resnet18', ('covid', 'normal'))
    """
    source = Path(source)
    if holds_several(source):
        return _ensemble(source)
    try:
        weights = read(source)
        stated = _stated(weights.metadata, source)
        architecture, hidden, dropout = stated["architecture"], stated["hidden"], stated["dropout"]
        classes = tuple(stated["classes"])
        check([f"{source}: {problem}" for problem in unfit_values(weights.arrays)])
        entries = table(architecture, len(classes), hidden, dropout > 0)
        variables = torch_to_flax(weights.arrays, entries)
    except FormatError as error:
        raise InputError([_advice(source, str(error))]) from None
    except OSError as error:
        raise InputError([_advice(source, f"{source}: {error.strerror}")]) from None
    except ConversionError as error:
        misfits = [f"  {problem}" for problem in error.problems]
        raise InputError([f"{source}: not the network that it says it is:", *misfits]) from None
    model = models.build(architecture, len(classes), hidden, dropout, axis_name=parallel.AXIS)
    # To float32 on the host, as JAX would compile a conversion for every shape.
    variables = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf, np.float32)), variables)
    record = _json_of_run(source / "config.json", OF_RUN) if source.is_dir() else {}
    metrics = _json_of_run(source / "metrics.json", OF_SPLITS) if source.is_dir() else {}
    changes = (
        seal.changed(source / "config.json", record), seal.changed(source / "metrics.json", metrics)
    )  # fmt: skip
    return InferenceModel(
        _name(source.resolve()),
        architecture,
        model,
        {"batch_stats": {}, **variables},
        classes,
        stated["codes"],
        tuple(stated["merge"]),
        stated["thresholds"],
        seal.unsealed(record),
        seal.unsealed(metrics),
        stated["loss"],
        tuple(filter(None, changes)),
        stated["preparation"],
        stated["outputs"] == INDEPENDENT,
        out_of_place.read_familiar(source, model.stages) if source.is_dir() else (),
    )


def _ensemble(source: Path) -> InferenceModel:
    """The networks of all folds and seeds as one. Raises InputError."""
    kinds: Shape = {"folds": int, "seeds?": int} if (source / FOLDS).is_file() else {"seeds": int}
    record = _json_of_run(source / "config.json", {**OF_RUN, "seed": int, **kinds})
    metrics = _json_of_run(source / "metrics.json", OF_ENSEMBLE)
    changes = (
        seal.changed(source / "config.json", record), seal.changed(source / "metrics.json", metrics)
    )  # fmt: skip
    networks = [load(source / name) for name in network_names(record)]
    if not networks:
        raise InputError([f"{source / 'config.json'} is damaged (it speaks of no network)"])
    first = networks[0]
    assert not isinstance(first.model, models.Ensemble)
    by_output = first.independent or first.codes is not None
    model, variables = ensemble.joined(first.model, [one.variables for one in networks], by_output)
    return first._replace(
        name=_name(source.resolve()),
        model=model,
        variables=jax.tree.map(jnp.asarray, variables),
        thresholds=metrics["thresholds"],
        record=seal.unsealed(record),
        metrics=seal.unsealed(metrics),
        changes=tuple(filter(None, (*changes, *(c for one in networks for c in one.changes)))),
        familiar=_familiar_of_all(model, networks),
    )


def _familiar_of_all(
    model: models.Ensemble, networks: Sequence[InferenceModel]
) -> tuple[out_of_place.Familiar, ...]:
    """What each network knows, if images are compared by a stage that all have in common."""
    familiar = tuple(one for network in networks for one in network.familiar)
    common = model.stages[: model.stages.index(model.first)]
    alike = len({one.stage for one in familiar}) == 1 and familiar[0].stage in common
    return familiar if alike and len(familiar) == len(networks) else ()


def weights_metadata(
    architecture: str,
    hidden: tuple[int, ...],
    dropout: float,
    classes: tuple[str, ...],
    codes: Codes | None,
    merge: tuple[str, ...],
    thresholds: Mapping[str, Mapping[str, float | None]],
    disclaimer: str,
    loss: Mapping[str, Any] | None = None,
    preparation: Preparation = AS_TORCHVISION,
    independent: bool = False,
) -> dict[str, str]:
    """What `load` must know besides arrays, as text, for the metadata of a file of weights.

    `hidden` are the widths of the head's hidden layers, `codes` what each class is coded as where
    classes imply others, `thresholds` those of `statistics.operating_points`, `loss` what
    `stated_loss` says, `preparation` what was done to the images; of findings outputs are
    `independent`.
    """
    return {
        **({"outputs": INDEPENDENT} if independent else {}),
        **({} if loss is None else {"loss": json.dumps(loss)}),
        **({} if codes is None else {"codes": json.dumps(codes.astype(int).tolist())}),
        "architecture": architecture,
        "head": json.dumps({"hidden": hidden, "dropout": dropout}),
        "classes": json.dumps(classes),
        "merge": json.dumps(merge),
        "preprocessing": json.dumps(_preprocessing(preparation)),
        "thresholds": json.dumps(thresholds),
        "disclaimer": disclaimer,
    }


def _stated(metadata: Mapping[str, str], source: Path) -> dict[str, Any]:
    """What the file says of itself. Raises InputError."""
    if missing := [name for name in ("architecture", "head", "classes") if name not in metadata]:
        raise InputError(
            [
                f"{source}: it does not say its {', '.join(missing)}; give the folder of a run, or "
                "a weights.safetensors or weights.pth that a run wrote"
            ]
        )
    try:
        head = parsed_json(metadata["head"])
        stated = {
            "architecture": metadata["architecture"],
            "hidden": tuple(head["hidden"]),
            "dropout": float(head["dropout"]),
            "classes": parsed_json(metadata["classes"]),
            "thresholds": parsed_json(metadata.get("thresholds", "{}")),
            "codes": _codes(metadata.get("codes")),
            "merge": parsed_json(metadata.get("merge", "[]")),
            "loss": parsed_json(metadata.get("loss", "null")),
            "outputs": metadata.get("outputs"),
        }
        preprocessing = parsed_json(metadata.get("preprocessing", json.dumps(PREPROCESSING)))
        unfit = [name for name, fits in _FITS.items() if not fits(stated)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError([f"{source}: its metadata are damaged ({first_line(error)})"]) from None
    problems = [f"{source}: its metadata are damaged ({name})" for name in unfit]
    if stated["architecture"] not in models.MODELS:
        problems.append(f"{source}: unknown network {stated['architecture']!r}")
    preparation = _preparation(preprocessing)
    if preparation is None:
        problems.append(f"{source}: made for images prepared otherwise ({preprocessing})")
    check(problems)
    return {**stated, "preparation": preparation}


def _preprocessing(preparation: Preparation) -> dict[str, Any]:
    """What a file says of the images that it is for; of torchvision's what it always said."""
    return PREPROCESSING if preparation == AS_TORCHVISION else PREPROCESSING | preparation._asdict()


def _preparation(preprocessing: object) -> Preparation | None:
    """Undoes `_preprocessing`; None if this program prepares no images so."""
    known = (
        Preparation(fit, intensity) for fit in get_args(Fit) for intensity in get_args(Intensity)
    )
    return next((one for one in known if _preprocessing(one) == preprocessing), None)


# What must hold of what a file says of itself.
_FITS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "head": lambda stated: all(type(width) is int and width > 0 for width in stated["hidden"]),
    "dropout": lambda stated: 0 <= stated["dropout"] < 1,
    "classes": lambda stated: (
        isinstance(stated["classes"], list)
        and len(set(stated["classes"])) == len(stated["classes"]) >= 2
        and all(name.encode() for name in stated["classes"])
    ),
    "codes": lambda stated: (
        stated["codes"] is None
        or (
            stated["codes"].shape == (len(stated["classes"]),) * 2
            and bool(np.isin(stated["codes"], (0, 1)).all())
            and len(np.unique(stated["codes"], axis=0)) == len(stated["classes"])
        )
    ),
    "outputs": lambda stated: (
        stated["outputs"] in (None, INDEPENDENT)
        and (stated["outputs"] is None or stated["codes"] is None)
    ),
    "merge": lambda stated: (
        isinstance(stated["merge"], list)
        and set(joined(stated["merge"]).values()) <= set(stated["classes"])
    ),
    "loss": lambda stated: (
        stated["loss"] is None or loss_of(stated["loss"], stated["classes"]) is not None
    ),
    "thresholds": lambda stated: all(
        name in stated["classes"]
        and all(isinstance(value, float | int | None) for value in points.values())
        for name, points in stated["thresholds"].items()
    ),
}


def _codes(text: str | None) -> Codes | None:
    return None if text is None else np.array(parsed_json(text), np.float32)


def _advice(source: Path, message: str) -> str:
    if (source / "config.json").exists() and not any(source.glob("weights.*")):
        return f"{source}: this run is not finished; train it to its end with `resume={source}`"
    return message


def _name(path: Path) -> str:
    """What to call it: files of weights have the same name in every run."""
    return path.name if path.is_dir() else f"{path.parent.name}/{path.name}"


def _json_of_run(path: Path, shape: Shape) -> dict[str, Any]:
    try:
        record = read_json(path, shape)
        from_json(Config, record)  # of metrics.json it knows nothing
        return record
    except OSError as error:
        raise InputError([f"{path}: {error.strerror}; the run is not complete"]) from None
    except (ValueError, TypeError) as error:
        raise InputError([f"{path} is damaged ({first_line(error)})"]) from None
