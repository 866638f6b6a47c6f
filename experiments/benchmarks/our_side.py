"""The same work by jaxcovid, as its commands do it."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np
from stopwatch import seconds_of, seconds_of_command
from tqdm import tqdm

from jaxcovid import models, parallel
from jaxcovid.cli.kept_programs import keep_programs
from jaxcovid.config import Config
from jaxcovid.data import loader
from jaxcovid.data.dataset import Dataset, subset
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.inference.predict import image_files, predict
from jaxcovid.models.quick import quick_training
from jaxcovid.runs.progress import progress
from jaxcovid.runs.run import resolve
from jaxcovid.training import loop
from jaxcovid.training.losses import cross_entropy
from jaxcovid.training.optimizers import optimizer
from jaxcovid.training.setup import Task, prepare
from jaxcovid.training.step import Batch, init_state, make_train_step
from jaxcovid.training.trainable import freeze, label, live_norms
from jaxcovid.training.training_data import load_training_data
from weights_convert import flax_to_torch, read, save, table, torch_to_flax
from weights_convert.cache import cache_folder

STEPS = 5  # of work on one batch in memory

keep_programs()  # as every command does


def settings(job: dict) -> Config:
    """The settings of `jaxcovid train` for that row; it is never done."""
    return resolve(
        Config(
            model=job["model"],
            trainable=job["trainable"],
            data=job["data"],
            weights=job["weights"] or "none",
            batch_size=job["batch"],
            limit_train=job["images"],
            epochs=10_000,
        )
    )


def images_of(config: Config) -> Dataset:
    """The images of a row; of those for validation a few, as every epoch ends with them."""
    dataset = load_training_data(config, cache_folder(), progress)
    few = subset(dataset.splits["validation"], np.arange(8))
    return dataset._replace(
        splits={"train": dataset.splits["train"], "validation": few}, patients={}
    )


def train(job: dict) -> Callable[[], float]:
    """Seconds of an epoch of training, as history.csv has them."""
    config = settings(job)
    no_bar = partial(tqdm, disable=True)
    task: Task = prepare(config, images_of(config), parallel.devices(), no_bar)
    epochs = loop.epochs(task, loop.Journal(), lambda *_, **__: None, bool, no_bar)

    def epoch() -> float:
        _, journal = next(epochs)
        return journal.history[-1].seconds

    return epoch


def resident(job: dict) -> Callable[[], float]:
    """Seconds of five steps on a batch in memory."""
    devices, name, trainable = parallel.devices(limit=1), job["model"], job["trainable"]
    dtype = jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16
    module = models.build(name, 3, (320,), dtype=dtype, axis_name=parallel.AXIS)
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
    statistics = variables.get("batch_stats", {})
    labels = label(variables["params"], name, trainable, table(name, 3, (320,)))
    sgd = optimizer("sgd", 1e-3, 0.9, 0.0)
    update = freeze(sgd, sgd, labels)
    norms = live_norms(statistics, labels, "frozen")
    body = make_train_step(quick_training(module), cross_entropy(), update, labels, norms)
    step = parallel.spread(body, devices, (False, True), donate=(0,))
    count = job["batch"]
    pixels = jax.random.normal(jax.random.key(0), (count, 224, 224, 3))
    batch = Batch(pixels, jnp.arange(count, dtype=jnp.int32) % 3, jnp.ones(count))
    batch = parallel.shares(jax.device_get(batch), devices)
    state = parallel.replicate(init_state(variables, update, labels, jax.random.key(1)), devices)

    def steps() -> None:
        nonlocal state
        for _ in range(STEPS):
            state, _ = step(state, batch)
        jax.block_until_ready(state)

    return seconds_of(steps)


def predicting(job: dict) -> Callable[[], float]:
    """Seconds of predicting image files."""
    entries = table(job["model"], 3, (320,))
    arrays = {entry.torch: np.full(entry.shape, 1e-3, np.float32) for entry in entries}
    variables = {"batch_stats": {}, **torch_to_flax(arrays, entries)}
    module = models.build(job["model"], 3, (320,), axis_name=parallel.AXIS)
    names = ("covid-19", "normal", "pneumonia")
    network = InferenceModel("", job["model"], module, variables, names, None, (), {}, {}, {})
    paths = image_files([Path(job["data"], "train")])[0][: job["images"]]

    def run() -> None:
        assert len(list(predict(network, paths))) == len(paths)

    return seconds_of(run)


def pipeline(job: dict) -> Callable[[], float]:
    """Seconds of gathering and augmenting an epoch's images."""
    train = images_of(settings(job)).splits["train"]
    augment = jax.jit(loader.training_images)
    key, number = loader.purpose_key(0, loader.AUGMENT), 0

    def epoch() -> None:
        nonlocal number
        number += 1
        order = loader.epoch_order(0, number, len(train.labels))
        for examples in loader.read_batches(train, list(loader.batches(order, job["batch"])), True):
            jax.block_until_ready(augment(examples, key, np.int32(number)))

    return seconds_of(epoch)


def reading(job: dict) -> Callable[[], float]:
    """Seconds of reading a folder's images for the first time: checked, scaled down and kept."""
    config = settings(job)

    def run() -> None:
        with TemporaryDirectory() as cache:
            load_training_data(config, Path(cache), progress)

    return seconds_of(run)


def convert(job: dict) -> Callable[[], float]:
    """Seconds of reading a .pth file, taking it to Flax and back, and writing another one."""

    def run() -> None:
        arrays = read(Path(job["weights"])).arrays
        entries = table(job["model"], 1000)
        save(Path(job["scratch"]), flax_to_torch(torch_to_flax(arrays, entries), entries), {})

    return seconds_of(run)


def evaluating(job: dict) -> Callable[[], float]:
    """Seconds of evaluating images that are prepared."""
    config = settings(job)
    no_bar = partial(tqdm, disable=True)
    task = prepare(config, images_of(config), parallel.devices(), no_bar)
    return seconds_of(lambda: loop.evaluate_split(task, task.state, "train", no_bar))


def command(job: dict) -> Callable[[], float]:
    """Seconds of a whole command, in a cache folder of its own."""
    cache = Path(f"{job['scratch']}-cache")
    given = ["--help"]
    if "--help" not in job["flags"]:
        given = [
            *("--model", job["model"], "--trainable", job["trainable"]),
            *("--data", job["data"], "--weights", job["weights"] or "none"),
            *("--limit-train", str(job["images"]), "--epochs", str(job["epochs"])),
            *("--batch-size", str(job["batch"]), *job["flags"]),
        ]

    def run() -> float:
        for name in job["forget"]:
            shutil.rmtree(cache / name, ignore_errors=True)
        script = Path(__file__).parents[1] / f"{job['script']}.py"
        with TemporaryDirectory() as folder:
            output = [] if given == ["--help"] else ["--output", str(Path(folder, "run"))]
            return seconds_of_command(
                [str(script), *given, *output], job["until"], {"JAXCOVID_CACHE": str(cache)}
            )

    return run


JOBS = {
    "evaluate": evaluating,
    "command": command,
    "train": train,
    "resident": resident,
    "predict": predicting,
    "pipeline": pipeline,
    "reading": reading,
    "convert": convert,
}
