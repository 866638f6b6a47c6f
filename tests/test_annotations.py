"""While tests run, every call is checked: types, and the shapes of arrays."""

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintParamViolation
from jaxtyping import TypeCheckError

from jaxcovid.report import words
from jaxcovid.statistics.findings import finding_points
from jaxcovid.training.pytrees import Params
from tests import _has_shape

ARRAY = np.zeros((4, 2), np.float32)


def test_shapes_must_agree_within_a_call():
    finding_points(ARRAY, ARRAY, ("a", "b"))
    with pytest.raises(TypeCheckError, match=r"probabilities.*\n.*f32\[3,2\]"):
        finding_points(ARRAY, ARRAY[:3], ("a", "b"))


def test_types_are_checked_where_there_are_no_shapes():
    with pytest.raises(BeartypeCallHintParamViolation):
        words.counted("one", "image")  # pyright: ignore


def test_what_has_a_shape():
    annotations = finding_points.__annotations__
    assert _has_shape(annotations["targets"]) and not _has_shape(annotations["names"])
    assert _has_shape(tuple[annotations["targets"], int]) and _has_shape(Params)
    assert not _has_shape(dict[str, int | None])
