import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from jaxcovid.metrics import classification

CLASSES = ("a", "b", "c")
PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_equals_scikit_learn(pairs):
    labels, predictions = np.array(pairs).T
    got = classification(labels, predictions, CLASSES)
    assert got["accuracy"] == pytest.approx(reference.accuracy_score(labels, predictions))
    # Without `labels` scikit-learn averages over the classes that occur.
    assert got["macro_f1"] == pytest.approx(
        reference.f1_score(labels, predictions, average="macro", zero_division=0.0)
    )
    matrix = np.array(got["confusion_matrix"])
    for true, predicted in np.ndindex(3, 3):
        assert matrix[true, predicted] == np.sum((labels == true) & (predictions == predicted))


def test_undefined_is_none():
    got = classification(np.array([0, 0, 1]), np.array([0, 1, 1]), CLASSES)
    assert got["per_class"]["c"] == {"precision": None, "recall": None, "f1": None, "support": 0}
    assert got["macro_f1"] == pytest.approx(2 / 3)
    never_predicted = classification(np.array([0, 1]), np.array([0, 0]), CLASSES[:2])
    assert never_predicted["per_class"]["b"]["precision"] is None
    assert never_predicted["per_class"]["b"]["f1"] == 0
