"""The folder of a run of several networks, of folds and of seeds, each a run in it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# In the folder of a cross-validation: which image is left out by which fold.
FOLDS = "folds.csv"


def holds_several(source: Path) -> bool:
    """Whether it is the folder of several networks, which has no weights itself."""
    of_seeds = any(path.is_dir() for path in source.glob("seed-*"))
    return (source / FOLDS).is_file() or (
        of_seeds and not (source / "weights.safetensors").exists()
    )


def network_names(record: Mapping[str, Any]) -> Iterator[str]:
    """The folders of a run's several networks, by its settings: seed by seed, fold by fold."""
    first, seeds = record["seed"], record.get("seeds", 1)
    count = folds_in(record)
    folds = [None] if count is None else range(1, count + 1)
    for seed in range(first, first + seeds):
        yield from (network_name(fold, seed, first) for fold in folds)


def folds_in(record: Mapping[str, Any]) -> int | None:
    """How many folds a run of these settings has networks of; None if it is no cross-validation."""
    return record.get("folds") if record.get("fold") is None else None


def network_name(fold: int | None, seed: int, first: int) -> str:
    """The folder of one of several networks, of a fold from 1 on, or of a seed; `first` is theirs.

    >>> [network_name(fold, seed, 0) for fold, seed in ((1, 0), (1, 2), (None, 2))]
    ['fold-1', 'fold-1-seed-2', 'seed-2']
    """
    if fold is None:
        return f"seed-{seed}"
    return f"fold-{fold}" if seed == first else f"fold-{fold}-seed-{seed}"
