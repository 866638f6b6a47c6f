import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.data.dataset import Dataset
from jaxcovid.errors import InputError, NothingFrozenError, check
from jaxcovid.training import setup
from jaxcovid.training.label_codes import class_codes, class_scores
from jaxcovid.training.parts import Parts
from tests.training.small import config, copied, task

IMPLIED = "covid=covid+normal"

TARGETS = {  # multilabel, whether the likeliest code answers; codes, whether answers need them
    "one output for each class": ((), True, np.eye(2), False),
    "classes that imply others": ((IMPLIED,), True, [[1, 1], [0, 1]], True),
    "the largest output answers": ((IMPLIED,), False, [[1, 1], [0, 1]], False),
}


@pytest.mark.parametrize("case", TARGETS)
def test_targets(case):
    multilabel, by_codes, codes, needed = TARGETS[case]
    settings = config(multilabel=multilabel, loss="bce")
    data = Dataset("x", ("covid", "normal"), {}, "")
    targets = setup._targets(settings, data, Parts(answer_by_codes=by_codes))
    np.testing.assert_array_equal(targets.codes, codes)
    assert (targets.answer_codes is not None) == needed
    logits = jnp.array([[2.0, -1.0], [-1.0, 0.5], [0.1, 0.2]])
    expected = class_scores(logits, class_codes(("covid", "normal"), multilabel))
    np.testing.assert_array_equal(targets.scores(logits), expected if needed else logits)


@pytest.fixture(scope="module")
def prepared():
    return task()


def test_what_a_task_is_made_of(prepared):
    assert prepared.frozen.start == "head"
    assert prepared.steps.batch_size == 5
    assert prepared.network.weights_source == "random weights"
    assert {path for path in prepared.network.digests if path not in prepared.network.frozen} == {
        f"params/{layer}/{name}" for layer in ("fc_0", "fc_2") for name in ("kernel", "bias")
    }
    assert prepared.network.model.axis_name is None
    assert prepared.network.shared.axis_name == "batch"
    assert [prepared.steps.learning_rate(step) for step in (0, 5)] == [0.1, 0.1]


def test_a_batch_is_no_larger_than_the_training_images():
    assert task(config(batch_size=100)).steps.batch_size == 12


def test_the_callers_loss_is_trained_with():
    seen = []

    def constant(settings, codes, train_labels, axis_name):
        seen.append((settings.lr, codes.tolist(), train_labels.tolist(), axis_name))
        return lambda logits, labels, mask: (logits.sum(-1) * 0 + 3, jnp.ones_like(mask))

    constant_task = task(parts=Parts(loss=constant, warnings=("a loss of three",)))
    assert seen == [(pytest.approx(0.1), np.eye(2).tolist(), [0, 1] * 6, "batch")]
    _, inputs = next(constant_task.steps.work.inputs(1, 0))
    before = copied(constant_task.state.params)
    state, totals = constant_task.steps.work.compiled(constant_task.state, *inputs, np.int32(1))
    assert [float(value) for value in totals][:2] == [15, 5]
    for one, other in zip(jax.tree.leaves(state.params), jax.tree.leaves(before), strict=True):
        np.testing.assert_array_equal(one, other)  # a constant has no slope
    assert constant_task.network.warnings == ("a loss of three",)


BAD = {
    "nothing frozen": ({"trainable": "all"}, NothingFrozenError, "`views`: training changes"),
    "live batch norms": ({"batch_norm": "batch"}, NothingFrozenError, "`views`: training changes"),
    "no such layer": ({"trainable": "layer9.*"}, InputError, "'layer9.*' matches no parameter"),
    "alphas": (
        {"loss": "focal", "focal_alpha": (1.0, 2.0, 3.0)},
        InputError,
        "`focal_alpha`: 3 numbers for 2 classes",
    ),
    "classes": ({"multilabel": ("flu=covid+normal",), "loss": "bce"}, InputError, "'flu'"),
}


@pytest.mark.parametrize("case", BAD)
def test_settings_that_do_not_fit_network_and_data_are_refused(case):
    options, kind, message = BAD[case]
    with pytest.raises(kind) as error:
        task(config(**options))
    assert message in str(error.value)


def test_findings_are_outputs_of_their_own():
    data = Dataset("x", ("a|b", "b?|a", "no finding"), {}, "", findings=("a", "b"))
    targets = setup._targets(config(loss="bce"), data, Parts())
    np.testing.assert_array_equal(targets.codes, [[1, 1], [1, np.nan], [0, 0]])
    assert targets.independent and targets.answer_codes is None
    with pytest.raises(InputError, match="`preset`: it is about classes"):
        check(setup._unfit_for_findings(Parts(settings={"preset": "x", "habits": ()})))
