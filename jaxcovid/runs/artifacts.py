"""The files that a run leaves in its folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxcovid import report
from jaxcovid.checksums import tables_of, write_checksums
from jaxcovid.data.dataset import Dataset, Member
from jaxcovid.inference import inference_model, out_of_place
from jaxcovid.inference.inference_model import InferenceModel
from jaxcovid.inference.out_of_place import Familiar
from jaxcovid.report import DISCLAIMER
from jaxcovid.report.between import between_records
from jaxcovid.report.checklist import checklist, checklist_markdown
from jaxcovid.results import Audit, Epoch, FindingResults, Results
from jaxcovid.runs import files
from jaxcovid.runs.audit import audit_record
from jaxcovid.runs.record import data_record
from jaxcovid.seal import sealed
from jaxcovid.training.evaluation import Bar
from jaxcovid.training.recipe import loss_function
from jaxcovid.training.setup import Task
from jaxcovid.training.stated_loss import stated_loss
from jaxcovid.training.step import TrainState
from weights_convert import flax_to_torch, save
from weights_convert.aside import second_name


def write_results(
    folder: Path,
    results: Results,
    bar: Bar = lambda items, **_: items,
    study: Mapping[int, str] | None = None,
) -> None:
    """Writes predictions.csv, audit.json, checklist.md, plots/, report.html and metrics.json.

    Of several networks no checklist. Of a run also SHA256SUMS of its tables, which hold no seal.
    metrics.json comes last: if it is there, so is all of the run that there will be. `bar` follows
    the drawing of pictures, `study` are the author's answers as `read_study` gives them. Raises
    OSError.
    """
    write_predictions(folder, results)
    several = results.folds is not None or results.seeds is not None
    if results.audit is not None:
        about = {"data_fingerprint": results.settings["data_fingerprint"]}
        write_checks(folder, results.audit, about)
    rows = []  # of several networks it would speak of one, and of splits that folds have not
    if not several:
        rows = checklist(results, study)
        files.write_bytes(folder / "checklist.md", checklist_markdown(rows).encode())
    drawings = dict(bar(report.run_pictures(results), desc="Drawing", unit="picture", delay=0.5))
    write_plots(folder, drawings)
    beside = [*(path.name for path in folder.iterdir()), "metrics.json"]
    page = report.run_page(results, drawings, files=beside, checklist=rows)
    files.write_bytes(folder / "report.html", page.encode())
    result = measured_record(results)
    if several:
        result |= {"thresholds": results.thresholds, **between_records(results)}
    if results.training is not None:
        write_checksums(folder, tables_of(folder))
    if results.audit is not None:
        checks = results.audit.checks
        result["truth_floor"] = checks["blind_floor"]
        if "subgroups" in checks:
            result["subgroups"] = checks["subgroups"]["table"]
    files.write_json(folder / "metrics.json", sealed({**result, "disclaimer": DISCLAIMER}))


def write_predictions(folder: Path, results: Results) -> None:
    """Writes predictions.csv: a line for every image of every split. Raises OSError."""
    header = ["split", "path", "label", "prediction", "correct"]
    header += [f"prob_{name}" for name in results.classes]
    if any(split.findings is not None for split in results.splits.values()):
        header += [f"finding_{name}" for name in results.classes]
    header.append("note")
    if any(split.people for split in results.splits.values()):
        header.append("patient")
    rows = _prediction_rows(results)
    if results.fold_of is not None:
        header.append("fold")
        folds = results.fold_of.tolist()
        rows = ([*row, fold] for row, fold in zip(rows, folds, strict=True))
    files.write_csv(folder / "predictions.csv", header, rows)


def measured_record(results: Results | FindingResults) -> dict[str, Any]:
    """What metrics.json holds of any network: every measured split, freezing, which epoch."""
    record: dict[str, Any] = {
        name: split.metrics for name, split in results.splits.items() if split.metrics is not None
    }
    if results.training is not None:
        record["freeze_audit"] = results.training.audit._asdict()
        trained = len(results.training.history)
        record["measured_epoch"] = {"epoch": results.training.chosen.epoch, "of": trained}
    return record


def write_evaluation(
    folder: Path,
    results: Results,
    bar: Bar = lambda items, **_: items,
    study: Mapping[int, str] | None = None,
) -> None:
    """Writes config.json and what `write_results` does, of a network on other data.

    Raises OSError.
    """
    write_config(folder, results.settings)
    write_results(folder, results, bar, study)


def write_comparison(
    folder: Path,
    first: Results,
    second: Results,
    compared: Mapping[str, Any],
    bar: Bar = lambda items, **_: items,
    study: Mapping[int, str] | None = None,
) -> None:
    """Writes first/ and second/ with the results of each, report.html of both, comparison.json.

    `compared` is what `statistics.compare` found of them. Raises OSError.
    """
    for name, results in (("first", first), ("second", second)):
        (folder / name).mkdir()
        write_evaluation(folder / name, results, bar, study)
    drawings = dict([report.comparison_picture(first, second, compared)])
    write_plots(folder, drawings)
    page = report.comparison_page(first, second, compared, drawings, files=["comparison.json"])
    files.write_bytes(folder / "report.html", page.encode())
    networks = [results.settings["network"] for results in (first, second)]
    record = {"networks": networks, **compared, "disclaimer": DISCLAIMER}
    files.write_json(folder / "comparison.json", record)


def write_audit(
    folder: Path, result: Audit, dataset: Dataset, network: InferenceModel | None
) -> None:
    """Writes audit.json with all checks of a dataset, plots/ and report.html.

    `network` is the one that was audited, if any. Raises OSError.
    """
    about = {
        "data": dataset.name,
        "data_fingerprint": dataset.fingerprint,
        "network": None if network is None else network.name,
    }
    write_checks(folder, result, about)
    drawings = dict(report.audit_pictures(result))
    write_plots(folder, drawings)
    of_run = {} if network is None else {"network": network.name, "run": network.record}
    title = f"Audit of {dataset.name}" if network is None else f"{network.name} on {dataset.name}"
    page = report.audit_page(
        title, report.audit_verdict(result.checks), result, drawings,
        cautions=dataset.warnings, files=["audit.json"], settings=data_record(dataset) | of_run,
    )  # fmt: skip
    files.write_bytes(folder / "report.html", page.encode())


def write_checks(folder: Path, result: Audit, about: Mapping[str, Any]) -> None:
    """Writes audit.json. Raises OSError."""
    record = {**audit_record(result, about), "disclaimer": DISCLAIMER}
    files.write_json(folder / "audit.json", record)


def write_config(folder: Path, record: Mapping[str, Any]) -> None:
    """Writes config.json: settings, versions, device, data. Raises OSError."""
    files.write_json(folder / "config.json", sealed(record))


def write_split(folder: Path, members: Sequence[Member]) -> None:
    """Writes split.csv, which as --data gives the same splits again; not without members.

    Raises OSError.
    """
    if members:
        rows = ((member.file, member.label, member.patient, member.split) for member in members)
        files.write_csv(folder / "split.csv", ("file", "class", "patient", "split"), rows)


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Writes history.csv: a line for every epoch, times in seconds. Raises OSError."""
    files.write_csv(folder / "history.csv", Epoch._fields, history)


def write_weights(
    folder: Path,
    task: Task,
    state: TrainState,
    thresholds: Mapping[str, Mapping[str, float | None]],
) -> None:
    """Writes weights.pth and weights.safetensors, with torchvision's names and layouts of arrays.

    Their metadata hold all that prediction needs, also the `thresholds` of
    `statistics.operating_points`. The setting `weights_file` gives the first a second name. Raises
    OSError.
    """
    config, dataset = task.config, task.dataset
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    arrays = flax_to_torch(variables, task.network.entries)
    loss = None
    if task.parts.loss is loss_function:
        # Findings have no class weights, which the numbers of images are for.
        labels = dataset.splits["train"].labels[: 0 if dataset.findings else None]
        loss = stated_loss(config, labels, 0 if dataset.findings else len(dataset.classes))
    metadata = inference_model.weights_metadata(
        config.model,
        config.head,
        config.dropout,
        dataset.findings or dataset.classes,
        task.targets.answer_codes,
        config.merge,
        thresholds,
        DISCLAIMER,
        loss,
        dataset.preparation,
        task.targets.independent,
    )
    for suffix in (".pth", ".safetensors"):
        save(folder / f"weights{suffix}", arrays, metadata)
    if config.weights_file is not None:
        second_name(folder / "weights.pth", config.weights_file)


def write_familiar(folder: Path, familiar: Sequence[Familiar]) -> None:
    """Writes what a network remembers of its training images, if it does. Raises OSError."""
    for of_network in familiar:
        out_of_place.write_familiar(folder, of_network)


def write_plots(folder: Path, drawings: Mapping[str, "report.Picture"]) -> None:
    """Writes pictures to plots/ by their names. Raises OSError."""
    (folder / "plots").mkdir(exist_ok=True)
    for name, picture in drawings.items():
        files.write_bytes(folder / "plots" / f"{name}.png", picture.content)


def _prediction_rows(results: Results) -> Iterator[list[Any]]:
    for name, split in results.splits.items():
        findings = split.findings if split.findings is not None else [()] * len(split.labels)
        notes = split.notes or [""] * len(split.labels)
        people = [[person] for person in split.people]
        if not people:  # a column that other splits have stays empty
            known = any(split.people for split in results.splits.values())
            people = [[""] * known for _ in split.labels]
        rows = zip(
            split.paths, split.labels, split.probabilities, findings, notes, people, strict=True
        )
        for path, label, probabilities, of_outputs, note, person in rows:
            predicted = int(probabilities.argmax())
            truth = [results.classes[label], bool(label == predicted)] if label >= 0 else ["", ""]
            numbers = [f"{value:.6f}" for value in (*probabilities, *of_outputs)]
            answer = [truth[0], results.classes[predicted], truth[1]]
            yield [name, path, *answer, *numbers, note, *person]
