"""One labelled split of a folder, for a model whose classes are given."""

import numpy as np
import pytest

from jaxcovid.data import images, sources
from jaxcovid.errors import InputError
from tests.conftest import picture


def make(root, *names):
    for index, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(index).save(path)
    return root


FILES = ("test/covid/1.png", "test/covid/2.png", "test/normal/3.png")

ORDERS = {
    "alphabetical": (("covid", "normal"), [0, 0, 1]),
    "another": (("normal", "covid"), [1, 1, 0]),
    "among others": (("pneumonia", "normal", "abscess", "covid"), [3, 3, 1]),
}


@pytest.mark.parametrize("case", ORDERS)
def test_labels_follow_the_given_classes(case, tmp_path):
    classes, labels = ORDERS[case]
    folder = make(tmp_path / "images", *FILES)
    dataset = sources.external(folder, "test", classes, tmp_path / "cache")
    assert dataset.classes == classes and list(dataset.splits) == ["test"]
    assert dataset.splits["test"].labels.tolist() == labels
    assert dataset.splits["test"].paths == FILES
    image = images.read(folder / FILES[2])
    np.testing.assert_array_equal(
        dataset.splits["test"].evaluation[2], images.evaluation_view(image)
    )


def test_models_of_different_order_do_not_share_labels_in_the_cache(tmp_path):
    folder = make(tmp_path / "images", *FILES)
    found = {
        case: sources.external(folder, "test", classes, tmp_path / "cache")
        for case, (classes, _) in ORDERS.items()
    }
    assert len({dataset.fingerprint for dataset in found.values()}) == len(ORDERS)
    for case, dataset in found.items():
        assert dataset.splits["test"].labels.tolist() == ORDERS[case][1]


def test_the_second_time_comes_from_the_cache_and_is_equal(tmp_path, monkeypatch):
    folder = make(tmp_path / "images", *FILES)
    first = sources.external(folder, "test", ("b", "normal", "covid"), tmp_path / "cache")
    monkeypatch.setattr(images, "read", None)
    again = sources.external(folder, "test", ("b", "normal", "covid"), tmp_path / "cache")
    np.testing.assert_equal(again._asdict(), first._asdict())


@pytest.mark.parametrize(
    ("classes", "absent"),
    [(("covid", "normal"), ()), (("b", "covid", "a", "normal"), ("no test image of class b, a",))],
)
def test_absent_classes_are_told(classes, absent, tmp_path):
    folder = make(tmp_path / "images", *FILES)
    assert sources.external(folder, "test", classes, tmp_path / "cache").warnings == absent


@pytest.mark.parametrize(
    ("split", "name"),
    [("test", "TestData"), ("test", "TESTING"), ("validation", "Val"), ("train", "training")],
)
def test_splits_by_many_names_and_nothing_beside(split, name, tmp_path):
    folder = make(tmp_path / "images", f"{name}/covid/1.png", "other/x.png")
    (folder / "other" / "x.png").write_text("broken")
    (folder / name / "notes.txt").write_text("ignored")
    dataset = sources.external(folder, split, ("covid", "normal"), tmp_path / "cache")
    assert dataset.splits[split].paths == (f"{name}/covid/1.png",)
    assert dataset.ignored == (f"{name}/notes.txt",)


def test_other_splits_do_not_matter(image_folder, tmp_path):
    for path in (image_folder / "train").rglob("*.png"):
        path.write_bytes(b"")
    dataset = sources.external(image_folder, "validation", ("covid", "normal"), tmp_path / "cache")
    assert dataset.splits["validation"].labels.tolist() == [0] * 3 + [1] * 3


BAD = {
    "missing split": (("train/a/1.png", "val/a/1.png"), ["no test split; expected .* found train, val"]),
    "no folders": ((), ["no test split; .* found no folders"]),
    "two of them": (("test/covid/1.png", "testing/covid/1.png"), ["all mean the test split"]),
    "unlabelled": (("test/1.png", "test/2.png"), [r"no class folders.*experiments/predict\.py"]),
    "half labelled": (("test/1.png", "test/covid/2.png"), ["outside any class folder"]),
    "unknown classes": (
        (*FILES, "test/flu/1.png", "test/Covid/1.png"),
        ["class 'Covid' is unknown .* covid, normal", "class 'flu' is unknown .* covid, normal"],
    ),
    "several": (("test/1.png", "test/flu/1.png"), ["outside any", "class 'flu'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_problems_are_all_named(case, tmp_path):
    names, expected = BAD[case]
    (tmp_path / "images").mkdir()
    folder = make(tmp_path / "images", *names)
    with pytest.raises(InputError) as error:
        sources.external(folder, "test", ("covid", "normal"), tmp_path / "cache")
    assert len(error.value.problems) == len(expected)
    for pattern, problem in zip(expected, error.value.problems, strict=True):
        with pytest.raises(InputError, match=pattern):
            raise InputError([problem])
        assert str(folder) in problem


def test_nowhere_and_unknown_splits(tmp_path):
    with pytest.raises(InputError, match=r"does not exist; give a folder with test/"):
        sources.external(tmp_path / "nowhere", "test", ("a", "b"), tmp_path / "cache")
    with pytest.raises(InputError, match="--split: 'all' is none of train, validation, test"):
        sources.external(tmp_path, "all", ("a", "b"), tmp_path / "cache")


def test_unreadable_images_are_refused_or_skipped(tmp_path):
    folder = make(tmp_path / "images", *FILES)
    (folder / FILES[2]).write_bytes(b"")
    arguments = (folder, "test", ("covid", "normal"), tmp_path / "cache")
    with pytest.raises(InputError, match=r"3\.png: the file is empty"):
        sources.external(*arguments)
    dataset = sources.external(*arguments, skip_unreadable=True)
    assert dataset.splits["test"].paths == FILES[:2]
    assert dataset.skipped == ("test/normal/3.png: the file is empty",)
    assert dataset.warnings == ("no test image of class normal",)


@pytest.mark.parametrize("split", ["test", "train"])
def test_nothing_readable(split, tmp_path):
    folder = make(tmp_path / "images", f"{split}/covid/1.png")
    (folder / split / "covid" / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=f"no readable {split} image"):
        sources.external(folder, split, ("covid", "b"), tmp_path / "cache", skip_unreadable=True)


def test_pixels_over_the_budget_stay_on_disk(tmp_path):
    folder = make(tmp_path / "images", *FILES)
    arguments = (folder, "test", ("covid", "normal"), tmp_path / "cache")
    near = sources.external(*arguments).splits["test"].evaluation
    far = sources.external(*arguments, memory_budget=0).splits["test"].evaluation
    assert isinstance(near, np.ndarray) and not isinstance(far, np.ndarray)
    np.testing.assert_array_equal(far[np.arange(3)], near)
