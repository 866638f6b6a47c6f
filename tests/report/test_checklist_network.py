"""What is said of the network is what its run recorded."""

import pytest

from jaxcovid.report import checklist_network as network
from tests.report import checklists

RUN = checklists.run()
SWEPT = "this run is the best of 4 members of a sweep, chosen by its validation accuracy"

ANSWERS = {
    "kind": (
        network.kind, RUN,
        "Deep learning, the convolutional network resnet18, starting from resnet18.pth, with a new head; trained: head.",
    ),
    "task": (network.task, RUN, "Classification of X-rays into 3 classes: covid, normal, pneumonia."),
    "codes": (network.task, checklists.run(multilabel=["a=a+b"]), "; classes that imply others: a=a+b."),
    "layers": (network.network, RUN, "hidden layers of width 320, with ReLU, dropout 0; 3 outputs"),
    "plan": (network.network, RUN, "164,160 of 173,696 parameters trained: fc_0."),
    "no hidden layer": (network.network, checklists.evaluation({"model": "vgg16", "head": []}), "width none"),
    "versions": (network.software, RUN, "python 3.11, jaxcovid 0.1, jax 0.10, commit c0ffee; 1 device of kind cpu."),
    "of both": (network.software, checklists.evaluation(), "Evaluation: jax 0.10, commit not recorded. Training: python 3.11"),
    "start": (network.start, RUN, "Started from resnet18.pth, with a new head; what was random and trained was drawn by seed 7."),
    "settings": (
        network.training, RUN,
        "Optimiser sgd, learning rate 0.001; momentum 0.9; schedule: constant; batch norm of frozen blocks: frozen; 3 epochs; batches of 8; loss cross_entropy; augmentation by rotation of up to 30 degrees, a random crop of 8 to 100 % of the area",
    ),
    "no momentum in adam": (network.training, checklists.run(optimizer="adam"), "Optimiser adam, learning rate 0.001; schedule"),
    "focal": (
        network.training, checklists.run(loss="focal", class_weights="balanced", augment=False),
        "loss focal (gamma 2.0, alpha 1), balanced class weights; no augmentation; precision auto.",
    ),
    "views": (network.training, checklists.run(views=5), "by chance, 5 views of each image kept"),
    "mistakes": (network.training, checklists.run(warnings=["wrong on purpose: x"]), "early. Wrong on purpose: x."),
    "best epoch": (network.selection, RUN, "The weights after epoch 2 of 3, that of lowest validation loss. The tuning"),
    "last epoch": (network.selection, checklists.run(select="last"), "The weights after the last of 3 epochs. No epoch was chosen"),
    "of another run": (network.selection, checklists.evaluation(), "The weights after that of at most 3 epochs that had"),
    "thresholds": (network.selection, RUN, "It fixed the thresholds for 90 and 95 % specificity."),
    "a sweep's best": (network.selection, checklists.run(warnings=[SWEPT]), "This run is the best of 4 members"),
    "one network": (network.ensemble, RUN, "None: all 3 probabilities are of one network."),
    "seeds and folds": (
        network.ensemble, checklists.run(seed=7, seeds=3, folds=5),
        "The mean of the probabilities of 15 networks (5 folds, seeds 7 to 9), each with",
    ),
    "seeds of a fold": (
        network.ensemble, checklists.run(seed=7, seeds=2, folds=5, fold=1), "2 networks (seeds 7 to 8)",
    ),
    "one fold": (network.ensemble, checklists.run(seed=7, folds=5, fold=1), "None: all 3"),
    "protocol": (network.protocol, RUN, "every setting (seed 7)"),
    "files": (network.availability, RUN, "jaxcovid 0.1, commit c0ffee. Network: weights.pth and weights.safetensors"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_answers(case):
    answer, given, expected = ANSWERS[case]
    assert expected in answer(given).text


@pytest.mark.parametrize(
    "answer",
    [
        network.kind, network.network, network.start, network.training, network.selection,
        network.protocol,
    ],
)  # fmt: skip
def test_of_a_file_of_weights_nothing_is_said_of_its_training(answer):
    assert answer(checklists.evaluation(record={})) is None


def test_an_evaluation_leaves_no_weights():
    answer = network.availability(checklists.evaluation(versions={"jaxcovid": "0.1"}))
    assert answer is not None and "weights" not in answer.text
