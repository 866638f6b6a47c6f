"""Whether weights look trained: on filters like those of trained networks and on drawn ones."""

import numpy as np
import pytest

from weights_convert.trained import look, smoothness


def drawn(shape=(64, 3, 7, 7), seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)


def smooth(shape=(64, 3, 7, 7)):
    """Waves of all directions, as first layers learn them."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: shape[2], : shape[3]]
    direction = rng.normal(size=(2, *shape[:2], 1, 1))
    phase = rng.uniform(0, 6, (*shape[:2], 1, 1))
    return np.sin(direction[0] * rows + direction[1] * columns + phase).astype(np.float16)


def norm(mean=0.0, variance=1.0, batches=0):
    return {
        "bn1.running_mean": np.full(64, mean, np.float32),
        "bn1.running_var": np.full(64, variance, np.float32),
        "bn1.num_batches_tracked": np.array(batches),
    }


CASES = {  # arrays, verdict, and parts of the reason
    "trained": (
        {"conv1.weight": smooth(), **norm(0.2, 3.0, 1200)}, "trained",
        ("neighbouring weights of conv1.weight correlate", "were measured (1,200 batches counted)"),
    ),
    "trained, counters not kept": (
        {"conv1.weight": smooth(), **norm(0.2, 3.0)}, "trained", ("of batch norm were measured",),
    ),
    "trained, without batch norm": (
        {"features.0.weight": smooth((64, 3, 3, 3))}, "trained", ("features.0.weight",),
    ),
    "of grey pictures": ({"conv1.weight": smooth((64, 1, 7, 7))}, "trained", ()),
    "fresh": (
        {"conv1.weight": drawn(), **norm()}, "fresh",
        ("as random ones do (at most 0.03)", "still 0 and 1"),
    ),
    "fresh, without batch norm": ({"features.0.weight": drawn((64, 3, 3, 3))}, "fresh", ()),
    "fresh, but seen by a data loader": (
        {"conv1.weight": drawn(), **norm(0.1, 2.0, 40)}, "doubtful", ("as random ones do", "measured"),
    ),
    "trained, statistics lost": (
        {"conv1.weight": smooth(), **norm()}, "doubtful", ("still 0 and 1",),
    ),
    "hardly trained": (
        {"conv1.weight": smooth() + 20 * drawn()}, "doubtful", ("but less than 0.15",),
    ),
    "a head alone": ({"fc.weight": drawn((2, 8))}, "unknown", ("no layer that sees pictures",)),
    "1 x 1 filters": ({"conv1.weight": drawn((8, 3, 1, 1))}, "unknown", ()),
    "nothing": ({}, "unknown", ()),
    "all zero": (
        {"conv1.weight": np.zeros((64, 3, 7, 7))}, "unknown", ("all weights of conv1.weight are the same",),
    ),
    "all alike": ({"conv1.weight": np.ones((64, 3, 7, 7)), **norm()}, "unknown", ()),
    "drawn around another number than 0": ({"conv1.weight": 1 + drawn()}, "fresh", ()),
    "not finite": ({"conv1.weight": np.full((64, 3, 7, 7), np.nan)}, "unknown", ()),
    "beyond half precision": (
        {"conv1.weight": np.full((64, 3, 7, 7), np.inf, np.float16)}, "unknown", ("no weights that could be",),
    ),
    "of whole numbers": (
        {"conv1.weight": np.ones((64, 3, 7, 7), np.int8)}, "unknown", ("no weights that could be",),
    ),
    "too few to tell": ({"conv1.weight": drawn((1, 1, 2, 2))}, "unknown", ("too few",)),
    "near the largest numbers": (
        {"conv1.weight": 1e307 * drawn().astype(np.float64)}, "fresh", (),
    ),
    "no filters": ({"conv1.weight": np.zeros((0, 3, 7, 7), np.float32)}, "unknown", ()),
    "of complex numbers": ({"conv1.weight": smooth().astype(np.complex64)}, "unknown", ()),
    "a huge one that is stored once": (
        {"conv1.weight": np.broadcast_to(np.float32(1), (1, 3, 10**6, 10**6))}, "unknown", (),
    ),
    "huge statistics": (
        {"a.running_mean": np.broadcast_to(np.float32(1), (10**12,)),
         "a.running_var": np.broadcast_to(np.float32(1), (10**12,))}, "unknown", (),
    ),
    "counters that are no numbers of batches": (
        {"conv1.weight": smooth(), **norm(0.2, 3.0), "bn1.num_batches_tracked": np.array(np.nan)},
        "trained", ("of batch norm were measured",),
    ),
    "a counter in a list": (
        {"conv1.weight": smooth(), **norm(0.2, 3.0), "bn1.num_batches_tracked": np.array([7])},
        "trained", ("(7 batches counted)",),
    ),
    "no statistics": (
        {"conv1.weight": smooth(), "a.running_mean": np.zeros(0), "a.running_var": np.zeros(0)},
        "trained", (),
    ),
    "a mean without a variance": (
        {"conv1.weight": smooth(), "bn1.running_mean": np.zeros(64)}, "trained", (),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
def test_what_weights_look_like(case):
    state, verdict, parts = CASES[case]
    seen = look(state)
    assert seen.verdict == verdict, seen.reason
    assert all(part in seen.reason for part in parts)


@pytest.mark.parametrize("seed", range(20))
def test_drawn_filters_are_never_smooth(seed):
    for shape in ((64, 3, 7, 7), (64, 3, 3, 3), (32, 1, 3, 3)):
        assert look({"conv1.weight": drawn(shape, seed)}).verdict == "fresh"


def test_smoothness_is_the_correlation_of_neighbours():
    filters = np.array([1.0, 2, 3, 4]).reshape(1, 1, 2, 2)
    one, other = np.array([3.0, 4, 2, 4]) - 2.5, np.array([1.0, 2, 1, 3]) - 2.5
    below = sum(
        np.sqrt((a**2).sum() * (b**2).sum())
        for a, b in ((one[:2], other[:2]), (one[2:], other[2:]))
    )
    assert smoothness(filters) == (pytest.approx(one @ other / below), 4)
    assert smoothness(1e300 * filters)[0] == pytest.approx(one @ other / below)
