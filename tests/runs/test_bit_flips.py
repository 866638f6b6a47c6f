"""A flipped bit in any file of a run or of the cache is told, or changes nothing that is answered."""

import gc
import json
import random
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

import weights_convert
from jaxcovid import checksums
from jaxcovid.assignment.finished_runs import read_run
from jaxcovid.errors import InputError
from jaxcovid.inference import inference_model, out_of_place
from jaxcovid.runs.kept_arrays import read_arrays
from jaxcovid.training import checkpoint
from tests.data.image_files import load_folder

pytestmark = pytest.mark.system

FLIPS = 200


@pytest.fixture
def places(finished, own_cache, tmp_path):
    """A run, and a cache with what it kept; within the run its weights as .npz, too."""
    run = shutil.copytree(finished, tmp_path / "run")
    weights = weights_convert.read(run)
    weights_convert.save(run / "exported.npz", weights.arrays, weights.metadata)
    for name in ("prepared", "features", "audits"):
        if (own_cache / name).is_dir():
            shutil.copytree(own_cache / name, tmp_path / "cache" / name)
    return run, tmp_path / "cache"


def network(source):
    """All that predictions, and the reports of an evaluation, depend on."""
    loaded = inference_model.load(source)
    if loaded.changes:
        raise InputError(loaded.changes)
    return loaded._replace(model=None)


def training(run):
    newest, damaged = checkpoint.newest(run)
    if damaged:
        assert newest is not None  # there is one before
        raise InputError([*damaged.values()])
    return newest


def images(data, cache):
    dataset = load_folder(data, cache)
    return dataset._replace(
        warnings=tuple(text for text in dataset.warnings if "prepared again" not in text)
    )


def kept(path):
    """None if it is made anew, which is told."""
    arrays = read_arrays(path)
    if arrays is None:
        raise InputError(["made anew"])
    return arrays


def answers(run, cache, data, path):
    """The functions that read the file, by what they read; none of what only people read."""
    if path.is_relative_to(cache / "prepared"):
        return {cache: lambda: images(data, cache)}
    if path.is_relative_to(cache):
        return {path: lambda: kept(path)}
    if path.is_relative_to(run / checkpoint.FOLDER):
        return {run / checkpoint.FOLDER: lambda: training(run)}
    if path.name in ("config.json", "metrics.json", out_of_place.FILE):
        return {run: lambda: network(run)}
    if path.name in (*checksums.TABLES, checksums.NAME):
        return {run / checksums.NAME: lambda: read_run(run, 0, "validation")}
    if path.suffix == ".npz":
        return {path: lambda: network(path)}
    if path.suffix in (".pth", ".safetensors"):
        return {run: lambda: network(run), path: lambda: network(path)}
    return {}


def assert_same(one, other):
    one, other = (jax.tree.flatten_with_path(tree) for tree in (one, other))
    assert one[1] == other[1]
    for (path, left), (_, right) in zip(one[0], other[0], strict=True):
        name = jax.tree_util.keystr(path)
        assert np.asarray(left).dtype == np.asarray(right).dtype, name
        assert np.asarray(left).tobytes() == np.asarray(right).tobytes(), name


def test_of_many_flipped_bits_each_is_told_or_changes_nothing(places, tmp_path, capfd):
    run, cache = places
    data = Path(json.loads((run / "config.json").read_text())["data"])
    images(data, cache)  # is there
    gc.freeze()  # each reading of a checkpoint collects garbage
    generator = random.Random(15)
    files = sorted(path for root in places for path in root.rglob("*") if path.is_file())
    whole, told = {}, 0
    for path in generator.choices(files, k=FLIPS):
        readers = answers(run, cache, data, path)
        for place, read in readers.items():
            if place not in whole:
                whole[place] = read()
        content = path.read_bytes()
        if not content:
            continue
        position, bit = generator.randrange(len(content)), generator.randrange(8)
        changed = bytearray(content)
        changed[position] ^= 1 << bit
        path.write_bytes(changed)
        for place, read in readers.items():
            try:
                after = read()
            except InputError:
                told += 1
            else:
                assert_same(whole[place], after)
        if path.exists():
            path.write_bytes(content)
    gc.unfreeze()
    assert told > FLIPS / 10
    assert "Traceback" not in capfd.readouterr().err
