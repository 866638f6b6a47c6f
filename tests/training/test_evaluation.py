import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid import models, parallel
from jaxcovid.data import loader
from jaxcovid.training.evaluation import (
    evaluation_of_features,
    evaluation_of_images,
    images_of,
    means,
    predict_split,
)
from jaxcovid.training.frozen_features import feature_batches
from jaxcovid.training.label_codes import class_codes, class_scores
from jaxcovid.training.losses import cross_entropy
from jaxcovid.training.step import largest_is_right
from tests import made_up
from tests.small_network import SMALL
from tests.training.small import features, no_bar, split

CLASSES = ("covid-19", "normal", "pneumonia")
LABELS = np.arange(11) % 3
VALUES = features(LABELS, (1, 1, 6)).evaluation
DEVICES = parallel.devices(limit=1)
MODEL = models.build("resnet18", 3, (), axis_name=parallel.AXIS)


@pytest.fixture(scope="module")
def variables():
    head = MODEL.clone(axis_name=None).init(
        jax.random.key(0), jnp.asarray(VALUES[:1]), start="head"
    )
    return {"params": head["params"], "batch_stats": {}}


@pytest.fixture(scope="module")
def step():
    return evaluation_of_features(MODEL, cross_entropy(), DEVICES, "head")


@pytest.fixture(scope="module")
def outputs(variables):
    """What the head puts out, computed without JAX."""
    layer = variables["params"]["fc"]
    return VALUES[:, 0, 0] @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])


def read(batches):
    return feature_batches(VALUES, LABELS, batches)


def predicted(step, variables, order=None, **options):
    order = np.arange(len(LABELS)) if order is None else order
    reader = options.pop("read", read)
    return predict_split(step, variables, reader, order, DEVICES, no_bar, **options)


def softmax(scores):
    likely = np.exp(scores - scores.max(1, keepdims=True))
    return likely / likely.sum(1, keepdims=True)


def assert_expected(result, outputs):
    expected = softmax(outputs)
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-6)
    assert result.loss == pytest.approx(-np.log(expected[np.arange(11), LABELS]).mean(), abs=1e-6)
    assert result.accuracy == pytest.approx((expected.argmax(1) == LABELS).mean())
    assert result.findings is None


ORDERS = {
    "as they are": np.arange(11),
    "backwards": np.arange(11)[::-1],
    "shuffled": np.random.default_rng(0).permutation(11),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 4, 11, 32])
def test_order_and_batch_size_change_nothing(order, size, step, variables, outputs):
    assert_expected(predicted(step, variables, ORDERS[order], batch_size=size), outputs)


def test_padding_counts_nothing(step, variables, outputs):
    def noisy(batches):
        for batch, inputs in zip(batches, read(batches), strict=True):
            real = batch.mask.reshape(-1, 1, 1, 1) == 1
            yield inputs._replace(images=np.where(real, inputs.images, np.float32(1e3)))

    assert_expected(predicted(step, variables, batch_size=4, read=noisy), outputs)


def test_features_of_half_precision_are_evaluated_in_single_precision(step, variables, outputs):
    def halved(batches):
        for inputs in read(batches):
            yield inputs._replace(images=inputs.images.astype(np.float16))

    result = predicted(step, variables, batch_size=4, read=halved)
    assert result.probabilities.dtype == np.float32
    np.testing.assert_allclose(result.probabilities, softmax(outputs), atol=2e-3)


def test_with_codes_classes_are_combinations_of_findings(step, variables, outputs):
    codes = class_codes(CLASSES, ("covid-19=covid-19+pneumonia",))
    result = predicted(step, variables, codes=codes, batch_size=4)
    np.testing.assert_allclose(result.findings, 1 / (1 + np.exp(-outputs)), atol=1e-6)
    scores = np.asarray(class_scores(jnp.asarray(outputs), codes))
    np.testing.assert_allclose(result.probabilities, softmax(scores), atol=1e-6)


def test_accuracy_compares_scores(variables):
    codes = class_codes(CLASSES, ("covid-19=covid-19+pneumonia",))
    scores = evaluation_of_features(
        MODEL,
        cross_entropy(),
        DEVICES,
        "head",
        lambda logits, *given: largest_is_right(class_scores(logits, codes), *given),
    )
    result = predicted(scores, variables, codes=codes)
    assert result.accuracy == (result.probabilities.argmax(1) == LABELS).mean()


@pytest.mark.parametrize("call", [1, 3])
def test_an_interruption_stops_after_the_batch(call, step, variables):
    seen, calls = [], iter(range(1, 10))

    def counted(batches):
        for inputs in read(batches):
            seen.append(inputs)
            yield inputs

    with pytest.raises(KeyboardInterrupt):
        predicted(
            step, variables, batch_size=4, read=counted, interrupted=lambda: next(calls) == call
        )
    assert len(seen) == call


def test_images_are_normalised():
    part, small = split(LABELS), models.build(SMALL, 3, ())
    variables = made_up.variables(small)
    step = evaluation_of_images(small.clone(axis_name=parallel.AXIS), cross_entropy(), DEVICES)
    result = predicted(step, variables, batch_size=4, read=images_of(part))
    expected = jax.jit(small.apply)(variables, loader.normalise(part.evaluation))
    np.testing.assert_allclose(result.probabilities, softmax(np.asarray(expected)), atol=1e-5)


def test_a_curve_is_of_what_each_batch_adds(step, variables, outputs):
    """The last of three batches has three images; probabilities are those without."""
    result = predicted(
        step, variables, batch_size=4, curve=lambda sums: np.array([sums[0] / sums[1], 1, 1, 4])
    )
    likely = np.log(softmax(outputs))[np.arange(11), LABELS]
    expected = np.mean([-likely[start : start + 4].mean() for start in (0, 4, 8)])
    assert (result.loss, result.accuracy) == pytest.approx((expected, 0.25), rel=1e-5)
    np.testing.assert_allclose(result.probabilities, softmax(outputs), atol=1e-6)


MEANS = {
    "all alike": ((6.0, 3.0, 2.0, 3.0), (2.0, 2 / 3)),
    "weighted by class": ((6.0, 12.0, 2.0, 4.0), (0.5, 0.5)),
}


@pytest.mark.parametrize("case", MEANS)
def test_means(case):
    sums, expected = MEANS[case]
    assert means(sums) == pytest.approx(expected)
    assert means(np.array(sums)) == pytest.approx(expected)
