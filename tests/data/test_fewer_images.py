import numpy as np
import pytest

from jaxcovid.data import phantom, sources
from jaxcovid.data.fewer_images import limit_train
from jaxcovid.errors import InputError


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantom, "SIZES", {"train": 12, "validation": 2, "test": 1})
        return sources.phantoms(tmp_path_factory.mktemp("cache"))


def test_limit_takes_classes_alike_and_depends_on_the_seed(drawn):
    limited = limit_train(drawn, 10, seed=0)
    train = limited.splits["train"]
    assert sorted(np.bincount(train.labels)) == [3, 3, 4]
    again, other = (limit_train(drawn, 10, seed).splits["train"] for seed in (0, 1))
    assert train.paths == again.paths != other.paths
    assert limit_train(drawn, 10_000, seed=0) is drawn
    assert len(limited.splits["validation"].labels) == 6


def test_a_limit_below_the_number_of_classes_is_refused(drawn):
    with pytest.raises(InputError, match="`limit_train`"):
        limit_train(drawn, 2, seed=0)


def test_of_images_with_several_findings_any_stay_as_long_as_some_have_each(drawn):
    several = drawn._replace(classes=("a|b", "b?|a", "no finding"), findings=("a", "b"))
    train = limit_train(several, 20, seed=0).splits["train"]
    assert len(train.labels) == 20
    assert train.paths == tuple(path for path in drawn.splits["train"].paths if path in train.paths)
    with pytest.raises(InputError) as error:
        limit_train(several, 1, seed=0)
    assert all("`limit_train`: no train image" in problem for problem in error.value.problems)
