"""What config.json says about a run: settings, versions, device, data."""

import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxcovid import seal
from jaxcovid.audits.blind_floor import figure
from jaxcovid.config import Config, as_json, from_json
from jaxcovid.data.dataset import Dataset, images_of_classes
from jaxcovid.errors import InputError, first_line
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.report import DISCLAIMER
from jaxcovid.results import OUT_OF_FOLD
from jaxcovid.stored_shapes import RECORD
from jaxcovid.training.parts import Parts

PACKAGES = (
    "jaxcovid", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "pillow",
    "scikit-learn", "tensorflow-datasets",
)  # fmt: skip


def run_record(
    config: Config,
    parts: Parts,
    dataset: Dataset,
    weights_source: str,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """What config.json says of a run: every setting's final value by name, data, surroundings.

    `weights_source` says in words where training started, `warnings` what to know of the figures.
    The settings of `parts` stand beside the run's. All values are JSON's.
    """
    return {
        **as_json(config),
        **parts.settings,
        "weights_source": weights_source,
        **data_record(dataset),
        "warnings": warnings,
        "disclaimer": DISCLAIMER,
    }


def read_record(run: Path, name: str = "config.json") -> dict[str, Any]:
    """What a run's folder says of it: settings, data, surroundings. Raises InputError."""
    path = run / name
    try:
        record = seal.read_sealed(path, RECORD)
        from_json(Config, record)
    except OSError as error:
        problem = f"`resume`: {run} is not a run's folder ({path.name}: {error.strerror})"
        raise InputError([problem]) from None
    except (ValueError, TypeError) as error:
        raise InputError([f"`resume`: {path} is damaged ({first_line(error)})"]) from None
    return record


def evaluation_record(
    network: InferenceModel, dataset: Dataset, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What config.json says of an evaluation: settings, data, surroundings, and the network's run.

    Warnings of that run are among its own. All values are JSON's; paths become text.
    """
    inherited = [
        f"{network.name} was trained so: {warning}"
        for warning in network.record.get("warnings", ())
    ]
    return {
        "network": network.name,
        **network.preparation._asdict(),
        **json.loads(json.dumps(settings, default=str)),
        **data_record(dataset),
        "warnings": [*dataset.warnings, *network.changes, *inherited],
        "disclaimer": DISCLAIMER,
        "run": network.record,
        **({} if (internal := _internal(network)) is None else {"internal": internal}),
    }


def _internal(network: InferenceModel) -> dict[str, Any] | None:
    """What the network's run reported on the split that its verdict was about."""
    for split in (OUT_OF_FOLD, "test", "validation"):
        if (metrics := network.metrics.get(split)) is not None:
            names = [name for name in ("accuracy", "balanced_accuracy", "auroc") if name in metrics]
            return {"split": split, **{name: figure(name, metrics) for name in names}}
    return None


def unknown_settings(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's record holds besides settings and surroundings: the settings of its `Parts`."""
    known = {*as_json(Config()), *SURROUNDINGS}
    return {name: value for name, value in record.items() if name not in known}


# What a record holds besides settings; a sweep's also its grid.
SURROUNDINGS = (
    "weights_source", "dataset", "data_fingerprint", "versions", "device", "git_commit", "warnings",
    "disclaimer", "grid", "metric", seal.KEY,
)  # fmt: skip


def data_record(dataset: Dataset) -> dict[str, Any]:
    """What records say of the data, versions and device."""
    return {
        "dataset": {
            "name": dataset.name,
            "classes": dataset.findings or dataset.classes,
            **({"several_findings": True} if dataset.findings else {}),
            "images": {
                name: images_of_classes(dataset, split)
                | ({"of": len(split.labels)} if dataset.findings else {})
                | (
                    {"unlabelled": unlabelled}
                    if (unlabelled := int(np.sum(split.labels < 0)))
                    else {}
                )
                for name, split in dataset.splits.items()
            },
            "skipped": dataset.skipped,
            "ignored": dataset.ignored,
            "notes": dataset.notes,
        },
        "data_fingerprint": dataset.fingerprint,
        "versions": _versions(),
        "device": _device(),
        "git_commit": _git_commit(),
    }


def changed_surroundings(before: Mapping[str, Any]) -> list[str]:
    """A warning of versions and devices that differ from an earlier record of the run, if any do.

    They may change the last digits of what is computed.
    """
    now = {**_versions(), **_device()}
    was = {**before["versions"], **before["device"]}
    changes = [
        f"{name} {was.get(name)} then, {now[name]} now"
        for name in now
        if was.get(name) != now[name]
    ]
    if not changes:
        return []
    return [f"resumed in other surroundings ({', '.join(changes)}): the last digits may differ"]


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def _device() -> dict[str, Any]:
    device = jax.devices()[0]
    return {
        "platform": device.platform,
        "kind": device.device_kind,
        "count": jax.device_count(),
        "processes": jax.process_count(),
    }


def _git_commit() -> str | None:
    """The commit of the checkout that this code runs from, with "+changes" if it was edited."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ("git", *arguments),
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        # Installed into some other project's tree, this file is not that project's.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
