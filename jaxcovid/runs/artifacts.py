"""The files that a run leaves in its folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxcovid.config import Config
from jaxcovid.inference import inference_model
from jaxcovid.report import DISCLAIMER
from jaxcovid.report.page import comparison_page, page
from jaxcovid.report.pictures import Picture, comparison_picture, pictures
from jaxcovid.results import Epoch, Results
from jaxcovid.runs import files
from jaxcovid.training.evaluation import Bar
from jaxcovid.training.losses import Codes
from jaxcovid.training.step import TrainState
from weights_convert import Entry, flax_to_torch, save


def write_results(folder: Path, results: Results, bar: Bar = lambda items, **_: items) -> None:
    """predictions.csv, plots/, report.html and, last, metrics.json.

    If metrics.json is there, so is all of the run that there will be.
    """
    header = ["split", "path", "label", "prediction", "correct"]
    header += [f"prob_{name}" for name in results.classes]
    if any(each.findings is not None for each in results.splits.values()):
        header += [f"finding_{name}" for name in results.classes]
    files.write_csv(folder / "predictions.csv", header, _prediction_rows(results))
    shown = dict(bar(pictures(results), desc="Drawing", unit="picture", delay=0.5))
    _write_plots(folder, shown)
    files.write_bytes(folder / "report.html", page(results, shown).encode())
    result = {
        name: each.metrics for name, each in results.splits.items() if each.metrics is not None
    }
    if results.training is not None:
        result["freeze_audit"] = results.training.audit._asdict()
    files.write_json(folder / "metrics.json", {**result, "disclaimer": DISCLAIMER})


def write_evaluation(folder: Path, results: Results, bar: Bar = lambda items, **_: items) -> None:
    """The same of a network on other data, with config.json."""
    write_config(folder, results.settings)
    write_results(folder, results, bar)


def write_comparison(
    folder: Path,
    first: Results,
    second: Results,
    compared: Mapping[str, Any],
    bar: Bar = lambda items, **_: items,
) -> None:
    """first/ and second/ with the results of each, report.html of both, and comparison.json."""
    for name, results in (("first", first), ("second", second)):
        (folder / name).mkdir()
        write_evaluation(folder / name, results, bar)
    shown = dict([comparison_picture(first, second, compared)])
    _write_plots(folder, shown)
    page = comparison_page(first, second, compared, shown)
    files.write_bytes(folder / "report.html", page.encode())
    networks = [each.settings["network"] for each in (first, second)]
    record = {"networks": networks, **compared, "disclaimer": DISCLAIMER}
    files.write_json(folder / "comparison.json", record)


def write_config(folder: Path, record: Mapping[str, Any]) -> None:
    """config.json: settings, versions, device, data."""
    files.write_json(folder / "config.json", record)


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """history.csv: one line per epoch."""
    files.write_csv(folder / "history.csv", Epoch._fields, history)


def write_weights(
    folder: Path,
    config: Config,
    classes: tuple[str, ...],
    codes: Codes | None,
    entries: Sequence[Entry],
    state: TrainState,
    thresholds: Mapping[str, Mapping[str, float | None]],
) -> None:
    """weights.pth, perhaps under a second name, and weights.safetensors, as torchvision names them.

    Their metadata hold all that prediction needs.
    """
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    arrays = flax_to_torch(variables, entries)
    metadata = inference_model.metadata(
        config.model,
        config.head,
        config.dropout,
        classes,
        codes,
        config.merge,
        thresholds,
        DISCLAIMER,
    )
    for suffix in (".pth", ".safetensors"):
        save(folder / f"weights{suffix}", arrays, metadata)
    if config.weights_file is not None:
        files.also_as(folder / "weights.pth", config.weights_file)


def _write_plots(folder: Path, shown: Mapping[str, Picture]) -> None:
    (folder / "plots").mkdir(exist_ok=True)
    for name, picture in shown.items():
        files.write_bytes(folder / "plots" / f"{name}.png", picture.content)


def _prediction_rows(results: Results) -> Iterator[list[Any]]:
    for name, each in results.splits.items():
        split = each.split
        findings = each.findings if each.findings is not None else [()] * len(split.labels)
        rows = zip(split.paths, split.labels, each.probabilities, findings, strict=True)
        for path, label, row, found in rows:
            predicted = int(row.argmax())
            known = [results.classes[label], bool(label == predicted)] if label >= 0 else ["", ""]
            probabilities = [f"{value:.6f}" for value in (*row, *found)]
            yield [name, path, known[0], results.classes[predicted], known[1], *probabilities]
