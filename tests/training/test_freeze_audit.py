import numpy as np

from jaxcovid.training.freeze_audit import audit, digests, frozen_paths

PARAMS = {"conv": {"kernel": np.ones((2, 2), np.float32)}, "fc": {"bias": np.zeros(2, np.float32)}}
STATS = {"bn": {"mean": np.zeros(2, np.float32)}, "bn2": {"mean": np.zeros(2, np.float32)}}
LABELS = {"conv": {"kernel": "frozen"}, "fc": {"bias": "head"}}


def test_frozen_paths_hold_frozen_parameters_and_statistics_that_are_not_live():
    assert frozen_paths(LABELS, STATS, {"bn2"}) == {"params/conv/kernel", "batch_stats/bn/mean"}


def test_any_changed_bit_in_a_frozen_leaf_is_a_violation():
    frozen = frozen_paths(LABELS, STATS, {"bn2"})
    changed = {**STATS, "bn": {"mean": np.array([0, -0.0], np.float32)}}  # equal by ==, not by bits
    result = audit(digests(PARAMS, STATS), digests(PARAMS, changed), frozen)
    assert not result.frozen_unchanged
    assert result.violations == ("batch_stats/bn/mean",)


def test_trainable_leaves_may_change_and_are_counted():
    frozen = frozen_paths(LABELS, STATS, {"bn2"})
    params = {**PARAMS, "fc": {"bias": np.ones(2, np.float32)}}
    result = audit(digests(PARAMS, STATS), digests(params, STATS), frozen)
    assert result.frozen_unchanged
    assert (result.frozen_leaves, result.trainable_leaves, result.trainable_changed) == (2, 2, 1)


def test_digest_tells_shape_and_type_apart():
    values = digests({"a": np.zeros(4, np.float32), "b": np.zeros((2, 2), np.float32),
                      "c": np.zeros(4, np.int32), "d": np.zeros((), np.float32)}, {})  # fmt: skip
    assert len(set(values.values())) == 4
