"""The items of the checklist, in words of this project, and what of a run answers each."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from jaxcovid.report import checklist_data as data
from jaxcovid.report import checklist_figures as figures
from jaxcovid.report import checklist_network as network
from jaxcovid.report.checklist_facts import Answer
from jaxcovid.results import Results


class Item(NamedTuple):
    """An item: its name in study.toml, its section, what it asks, and who answers.

    `rest` is what no run knows and the author must add. Without `answer` the author says it all.
    """

    name: str
    section: str
    asks: str
    answer: Callable[[Results], Answer | None] | None = None
    rest: str = ""


ITEMS: Mapping[int, Item] = {
    1: Item(
        "kind_of_ai",
        "Title and abstract",
        "that AI is used, and of which kind",
        network.kind,
        "the words of title and abstract",
    ),
    2: Item(
        "abstract",
        "Title and abstract",
        "a summary of data, methods, results, availability",
        figures.summary,
        "the abstract itself",
    ),
    3: Item(
        "background", "Introduction", "clinical need, today's practice, role intended for the AI"
    ),
    4: Item("aims", "Introduction", "aims and hypotheses"),
    5: Item("design", "Study design", "prospective or retrospective"),
    6: Item(
        "goal",
        "Study design",
        "goal of the study and task of the network",
        network.task,
        "the study's goal",
    ),
    7: Item(
        "provenance",
        "Data",
        "where the images come from, and whom they stand for",
        data.provenance,
        "where they were collected, links, which patients they stand for",
    ),
    8: Item(
        "inclusion",
        "Data",
        "what was included and excluded, and by which rules",
        data.inclusion,
        "clinical criteria",
    ),
    9: Item(
        "preprocessing",
        "Data",
        "preparation of the images, exact enough to repeat",
        data.preparation,
    ),
    10: Item(
        "selection", "Data", "how parts of the data or of the images were chosen", data.selection
    ),
    11: Item("deidentification", "Data", "how patients were made unrecognisable"),
    12: Item(
        "missing_data",
        "Data",
        "what is missing, and what was done about it",
        data.missing,
        "missing clinical data",
    ),
    13: Item(
        "acquisition",
        "Data",
        "devices, protocols, views, resolution",
        data.acquisition,
        "devices, protocols, resolution",
    ),
    14: Item("reference_standard", "Reference standard", "what counts as the truth"),
    15: Item("reference_reason", "Reference standard", "why that was chosen"),
    16: Item(
        "annotators", "Reference standard", "who labelled, with what training and instructions"
    ),
    17: Item(
        "test_annotation",
        "Reference standard",
        "how the test images were labelled, with which software",
    ),
    18: Item(
        "reader_agreement",
        "Reference standard",
        "how far readers differed, and how that was settled",
    ),
    19: Item(
        "partitions",
        "Partitions",
        "how images were assigned to partitions, in which shares",
        data.partitions,
    ),
    20: Item(
        "disjoint_level",
        "Partitions",
        "at which level partitions are apart: patient, image",
        data.apart,
    ),
    21: Item(
        "sample_size",
        "Partitions",
        "how large the test set is, and why",
        figures.size,
        "why that many; no size was planned here",
    ),
    22: Item("model", "Model", "the network in full: inputs, layers, outputs", network.network),
    23: Item("software", "Model", "software with versions, and hardware", network.software),
    24: Item("initial_weights", "Model", "where training started from", network.start),
    25: Item(
        "training",
        "Training",
        "augmentation, optimiser and all settings, when it stopped",
        network.training,
    ),
    26: Item("model_selection", "Training", "how the final network was chosen", network.selection),
    27: Item("ensemble", "Training", "whether several networks were joined", network.ensemble),
    28: Item(
        "measures",
        "Evaluation",
        "which figures were measured, and why these",
        figures.measures,
        "why these",
    ),
    29: Item(
        "uncertainty",
        "Evaluation",
        "how uncertainty and significance were found",
        figures.uncertainty,
    ),
    30: Item(
        "robustness", "Evaluation", "how far results depend on other things", figures.robustness
    ),
    31: Item(
        "explanation",
        "Evaluation",
        "how answers are explained, and whether that was tested",
        figures.explanation,
        "a test of the explanations",
    ),
    32: Item(
        "internal_testing", "Evaluation", "testing on internal data", figures.internal_testing
    ),
    33: Item(
        "external_testing",
        "Evaluation",
        "testing on external data, or why not",
        figures.external_testing,
    ),
    34: Item("registration", "Evaluation", "registration as a trial, if it is one"),
    35: Item("flow", "Results", "numbers included and left out", data.flow),
    36: Item(
        "demographics",
        "Results",
        "patients' traits in every partition",
        data.groups,
        "age, sex and clinical traits",
    ),
    37: Item(
        "performance",
        "Results",
        "results in every partition and subgroup",
        figures.of_partitions,
        "further subgroups",
    ),
    38: Item(
        "accuracy", "Results", "accuracy with intervals, thresholds, calibration", figures.accuracy
    ),
    39: Item(
        "failure_analysis",
        "Results",
        "what it gets wrong",
        figures.failures,
        "a medical reading of the errors",
    ),
    40: Item("limitations", "Discussion", "limitations", figures.limitations, "their discussion"),
    41: Item("implications", "Discussion", "what follows for practice"),
    42: Item(
        "protocol",
        "Other",
        "the full protocol or further technical detail",
        network.protocol,
        "the study's protocol",
    ),
    43: Item(
        "availability",
        "Other",
        "where code, network and data can be had",
        network.availability,
        "where they are published",
    ),
    44: Item("funding", "Other", "funding, and what funders decided"),
}
