"""Labels and probabilities for tests of metrics."""

import numpy as np
from hypothesis import strategies as st

CLASSES = ("a", "b", "c")


@st.composite
def samples(draw, least=1):
    """Labels, probabilities (of few values, so that many are equal) and weights."""
    n = draw(st.integers(least, 25))
    classes = draw(st.integers(2, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    counts = rng.integers(1, draw(st.sampled_from([3, 1000])), (n, classes))
    weights = rng.integers(0, 3, n)
    weights[:1] += not weights.any()
    return (
        rng.integers(0, classes, n),
        (counts / counts.sum(1, keepdims=True)).astype(np.float32),
        weights.astype(np.float64),
    )


def sample(n, classes=3, seed=0, strength=2.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + strength * np.eye(classes)[labels]
    return labels, softmax(logits)


def softmax(logits):
    exponents = np.exp(logits)
    return (exponents / exponents.sum(1, keepdims=True)).astype(np.float32)


def certain(predictions, classes=3):
    return np.eye(classes, dtype=np.float32)[predictions]


# What is undefined, by example: labels, probabilities, a part of the result, its reason (or value).
