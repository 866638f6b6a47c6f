"""`jaxcovid evaluate`: how good one or two trained networks are on other data."""

import dataclasses
import functools
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxcovid.cli.exits import exit_code
from jaxcovid.cli.flags import Evaluate
from jaxcovid.cli.parsing import parsed
from jaxcovid.errors import check

if TYPE_CHECKING:
    from jaxcovid.data.dataset import Dataset
    from jaxcovid.data.preparation import Preparation
    from jaxcovid.inference.inference_model import InferenceModel


def main(arguments: Sequence[str] | None = None, program: str = "jaxcovid evaluate") -> int:
    """Parses the flags and evaluates; returns the exit code. `program` is how a user calls it."""
    flags = parsed(Evaluate, sys.argv[1:] if arguments is None else arguments, program)
    return exit_code(lambda: _evaluate(flags), program, "Interrupted; nothing was written.")


def _evaluate(flags: Evaluate) -> None:
    """Measures one network or two, and writes the results. Raises InputError."""
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid.cli.kept_programs import keep_programs
    from jaxcovid.data.split_folders import SPLITS, split_named
    from jaxcovid.report import text
    from jaxcovid.runs import artifacts
    from jaxcovid.runs.evaluate import evaluate_model, load_models, one_or_all
    from jaxcovid.runs.progress import bar, say, warn
    from jaxcovid.runs.study import read_study
    from jaxcovid.statistics.comparison import compare
    from weights_convert.aside import folder_aside

    keep_programs()
    flags = dataclasses.replace(flags, split=split_named(flags.split) or flags.split)
    check(_problems(flags, SPLITS))
    study = read_study(flags.study)
    networks = load_models(flags.runs)
    datasets = _datasets(flags, networks)
    dataset = datasets[networks[0].preparation]
    for note in dataset.notes:
        say(note)
    warn(dataset.warnings)
    warn(change for network in networks for change in network.changes)
    names = [Path(network.name).name for network in networks]
    data, *more = flags.data
    ending = f"-and-{len(more)}-more" if more else ""
    name = "-".join([*names, data.resolve().name + ending])
    folder = flags.output or Path("evaluations", f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
    settings = dataclasses.asdict(dataclasses.replace(flags, output=folder))
    settings |= {"data": one_or_all(flags.data), **settings.pop("table")}
    if networks[0].independent:
        return _by_finding(networks[0], dataset, settings, folder, study)
    with folder_aside(folder) as aside:
        first, *others = [
            evaluate_model(one, datasets[one.preparation], settings, bar) for one in networks
        ]
        summaries = [text.run_summary(results) for results in (first, *others)]
        if not others:
            artifacts.write_evaluation(aside, first, bar, study)
        for second in others:
            comparison = compare(
                dataset.splits[flags.split].labels,
                first.splits[flags.split].probabilities,
                second.splits[flags.split].probabilities,
                dataset.classes,
                groups=dataset.patients.get(flags.split),
            )
            artifacts.write_comparison(aside, first, second, comparison, bar, study)
            summaries.append(text.comparison_summary(first, second, comparison))
    return say("\n".join([*summaries, text.results_note(folder)]))


def _by_finding(
    network: "InferenceModel",
    dataset: "Dataset",
    settings: Mapping[str, Any],
    folder: Path,
    study: object,
) -> None:
    """Measures a network that tells several findings of each image. Raises InputError."""
    from jaxcovid.report import findings_summary, results_note
    from jaxcovid.runs.evaluate import evaluate_findings
    from jaxcovid.runs.finding_artifacts import write_findings_evaluation
    from jaxcovid.runs.progress import bar, say
    from weights_convert.aside import folder_aside

    check(["`study`: the checklist is about classes; leave it out"] if study else [])
    with folder_aside(folder) as aside:
        results = evaluate_findings(network, dataset, settings, bar)
        write_findings_evaluation(aside, results, bar)
    say(f"{findings_summary(results)}\n{results_note(folder)}")


def _datasets(
    flags: Evaluate, networks: Sequence["InferenceModel"]
) -> dict["Preparation", "Dataset"]:
    """The images as each of the networks wants them prepared; mostly all want the same."""
    from jaxcovid.runs.evaluate import load_evaluation_data
    from jaxcovid.runs.progress import progress

    load = functools.partial(
        load_evaluation_data,
        flags.data,
        flags.split,
        networks[0].classes,
        tuple(dict.fromkeys(merge for network in networks for merge in network.merge)),
        flags.patients,
        flags.skip_unreadable,
        progress,
        flags.table,
        source=flags.source,
        findings=networks[0].independent,
    )
    return {one: load(one) for one in {network.preparation for network in networks}}


def _problems(flags: Evaluate, splits: Collection[str]) -> list[str]:
    """What is wrong with the flags by themselves."""
    problems = []
    if not 1 <= len(flags.runs) <= 2:
        problems.append(f"RUN: {len(flags.runs)} are given; give one, or two to compare")
    if not flags.data:
        problems.append("`data`: nothing is given; give folders or tables of images")
    if flags.split not in splits:
        problems.append(f"`split`: {flags.split} is not one of {', '.join(splits)}")
    if flags.output is not None and os.path.lexists(flags.output):
        problems.append(
            f"`output`: {flags.output} exists; give a new folder, results are never overwritten"
        )
    return problems
