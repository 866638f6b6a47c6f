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

from jaxcovid.config import Config, as_json
from jaxcovid.data.dataset import Dataset
from jaxcovid.inference.inference_model import Exported
from jaxcovid.report import DISCLAIMER

PACKAGES = (
    "jaxcovid", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "pillow",
    "scikit-learn", "tensorflow-datasets",
)  # fmt: skip


def record(
    config: Config, dataset: Dataset, weights_source: str, warnings: Sequence[str]
) -> dict[str, Any]:
    """Every flag's final value under its own name, and what else a reader must know."""
    return {
        **as_json(config),
        "weights_source": weights_source,
        **_data_and_surroundings(dataset),
        "warnings": warnings,
        "disclaimer": DISCLAIMER,
    }


def external(network: Exported, dataset: Dataset, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an evaluation elsewhere, with the record of the run that made the network."""
    own = [f"{network.name} was trained so: {each}" for each in network.record.get("warnings", ())]
    return {
        "network": network.name,
        **json.loads(json.dumps(settings, default=str)),
        **_data_and_surroundings(dataset),
        "warnings": [*dataset.warnings, *own],
        "disclaimer": DISCLAIMER,
        "run": network.record,
    }


def _data_and_surroundings(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset": {
            "name": dataset.name,
            "classes": dataset.classes,
            "images": {
                name: {
                    label: int(np.sum(split.labels == index))
                    for index, label in enumerate(dataset.classes)
                }
                | (
                    {"unlabelled": unlabelled}
                    if (unlabelled := int(np.sum(split.labels < 0)))
                    else {}
                )
                for name, split in dataset.splits.items()
            },
            "skipped": dataset.skipped,
            "ignored": dataset.ignored,
        },
        "data_fingerprint": dataset.fingerprint,
        "versions": _versions(),
        "device": _device(),
        "git_commit": _git_commit(),
    }


def changed_surroundings(before: Mapping[str, Any]) -> list[str]:
    """What is not as in an earlier record of the run, and so may change its last digits."""
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
