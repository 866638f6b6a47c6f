import numpy as np
import pytest
from PIL import Image

from jaxcovid.data import images
from jaxcovid.errors import InputError
from tests.conftest import picture
from tests.data.image_files import load_folder, load_split, write_pictures


def test_images_come_back_as_prepared(image_folder, tmp_path):
    dataset = load_folder(image_folder, tmp_path / "cache")
    assert dataset.classes == ("covid", "normal")
    train, validation = dataset.splits["train"], dataset.splits["validation"]
    assert train.labels.tolist() == [0] * 6 + [1] * 6
    assert train.paths[0] == "train/covid/train0.png"
    assert train.augmentable.shape == (12, 30, 40, 1) and train.sizes.tolist() == [[30, 40]] * 12
    assert validation.augmentable.size == 0
    for index, path in enumerate(validation.paths):
        image = images.read_image(image_folder / path)
        np.testing.assert_array_equal(validation.evaluation[index], images.evaluation_view(image))


def test_second_time_nothing_is_decoded(image_folder, tmp_path, monkeypatch):
    first = load_folder(image_folder, tmp_path / "cache")
    monkeypatch.setattr(images, "read_described", None)
    again = load_folder(image_folder, tmp_path / "cache")
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(
        again.splits["train"].augmentable, first.splits["train"].augmentable
    )


def test_changed_content_is_prepared_anew(image_folder, tmp_path):
    first = load_folder(image_folder, tmp_path / "cache")
    picture(99).save(image_folder / "train" / "covid" / "train0.png")
    second = load_folder(image_folder, tmp_path / "cache")
    assert first.fingerprint != second.fingerprint
    assert not np.array_equal(first.splits["train"].evaluation, second.splits["train"].evaluation)


def test_sizes_and_colours_may_differ(image_folder, tmp_path):
    picture(3, (80, 20), "RGB").save(image_folder / "train" / "covid" / "z.png")
    train = load_folder(image_folder, tmp_path / "cache").splits["train"]
    index = train.paths.index("train/covid/z.png")
    assert train.augmentable.shape == (13, 30, 80, 3)
    assert train.sizes[index].tolist() == [20, 80]
    grey = train.augmentable[index - 1]
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])


def test_unlabelled_test_split(image_folder, tmp_path):
    (image_folder / "TestData").mkdir()
    picture(4).save(image_folder / "TestData" / "x.png")
    test = load_folder(image_folder, tmp_path / "cache").splits["test"]
    assert test.labels.tolist() == [-1] and test.paths == ("TestData/x.png",)


def break_some(folder):
    (folder / "train" / "covid" / "train1.png").write_bytes(b"")
    (folder / "validation" / "normal" / "validation0.png").write_text("<html>")


@pytest.mark.parametrize("prepared_before", [False, True])
def test_unreadable_images_are_listed_at_once(image_folder, tmp_path, prepared_before):
    break_some(image_folder)
    if prepared_before:
        load_folder(image_folder, tmp_path / "cache", skip=True)
    with pytest.raises(InputError) as error:
        load_folder(image_folder, tmp_path / "cache")
    first, second, advice = error.value.problems
    assert "train1.png: the file is empty" in first
    assert "validation0.png: the content is neither PNG nor JPEG" in second
    assert "2 unreadable" in advice and "`skip_unreadable`" in advice


@pytest.mark.parametrize("failed_before", [False, True])
def test_skipped_images_are_recorded(image_folder, tmp_path, failed_before):
    break_some(image_folder)
    if failed_before:
        with pytest.raises(InputError):
            load_folder(image_folder, tmp_path / "cache")
    dataset = load_folder(image_folder, tmp_path / "cache", skip=True)
    assert len(dataset.skipped) == 2 and "train1.png" in dataset.skipped[0]
    assert len(dataset.splits["train"].labels) == 11


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_split_of_which_nothing_is_left(image_folder, tmp_path, split):
    for path in (image_folder / split).rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=f"no readable {split}"):
        load_folder(image_folder, tmp_path / "cache", skip=True)


def test_a_link_that_leads_nowhere_is_unreadable(image_folder, tmp_path):
    (image_folder / "train" / "covid" / "x.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"x\.png: a link that leads nowhere"):
        load_folder(image_folder, tmp_path / "cache")


def test_names_with_odd_characters(image_folder, tmp_path):
    odd = image_folder / "train" / "covid" / "Ünïcode, <b> 'quote'.png"
    Image.new("L", (20, 20)).save(odd)
    train = load_folder(image_folder, tmp_path / "cache").splits["train"]
    assert any(path.endswith(odd.name) for path in train.paths)


# One labelled split of a folder, for a model whose classes are given.
FILES = ("test/covid/1.png", "test/covid/2.png", "test/normal/3.png")

ORDERS = {
    "alphabetical": (("covid", "normal"), [0, 0, 1]),
    "another": (("normal", "covid"), [1, 1, 0]),
    "among others": (("pneumonia", "normal", "abscess", "covid"), [3, 3, 1]),
}


@pytest.mark.parametrize("case", ORDERS)
def test_labels_follow_the_given_classes(case, tmp_path):
    classes, labels = ORDERS[case]
    folder = write_pictures(tmp_path / "images", *FILES)
    dataset = load_split(folder, "test", classes, tmp_path / "cache")
    assert dataset.classes == classes and list(dataset.splits) == ["test"]
    assert dataset.splits["test"].labels.tolist() == labels
    assert dataset.splits["test"].paths == FILES
    image = images.read_image(folder / FILES[2])
    np.testing.assert_array_equal(
        dataset.splits["test"].evaluation[2], images.evaluation_view(image)
    )


def test_models_of_different_order_do_not_share_labels_in_the_cache(tmp_path):
    folder = write_pictures(tmp_path / "images", *FILES)
    datasets = {
        case: load_split(folder, "test", classes, tmp_path / "cache")
        for case, (classes, _) in ORDERS.items()
    }
    assert len({dataset.fingerprint for dataset in datasets.values()}) == len(ORDERS)
    for case, dataset in datasets.items():
        assert dataset.splits["test"].labels.tolist() == ORDERS[case][1]


def test_the_second_time_a_split_comes_from_the_cache_and_is_equal(tmp_path, monkeypatch):
    folder = write_pictures(tmp_path / "images", *FILES)
    first = load_split(folder, "test", ("b", "normal", "covid"), tmp_path / "cache")
    monkeypatch.setattr(images, "read_described", None)
    again = load_split(folder, "test", ("b", "normal", "covid"), tmp_path / "cache")
    np.testing.assert_equal(again._asdict(), first._asdict())


def test_files_of_the_same_content_are_known(tmp_path):
    folder = write_pictures(tmp_path / "images", *FILES)
    (folder / "test/normal/dup.png").hardlink_to(folder / FILES[0])
    (folder / "test/normal/link.png").symlink_to(folder / FILES[0])
    dataset = load_split(folder, "test", ("covid", "normal"), tmp_path / "cache")
    assert dataset.copies == ((FILES[0], "test/normal/dup.png", "test/normal/link.png"),)


@pytest.mark.parametrize(
    ("split", "name"),
    [("test", "TestData"), ("test", "TESTING"), ("validation", "Val"), ("train", "training")],
)
def test_a_split_by_many_names_and_nothing_beside(split, name, tmp_path):
    folder = write_pictures(tmp_path / "images", f"{name}/covid/1.png", "other/x.png")
    (folder / "other" / "x.png").write_text("broken")
    (folder / name / "notes.txt").write_text("ignored")
    dataset = load_split(folder, split, ("covid", "normal"), tmp_path / "cache")
    assert dataset.splits[split].paths == (f"{name}/covid/1.png",)
    assert dataset.ignored == (f"{name}/notes.txt",)


def test_other_splits_do_not_matter(image_folder, tmp_path):
    for path in (image_folder / "train").rglob("*.png"):
        path.write_bytes(b"")
    dataset = load_split(image_folder, "validation", ("covid", "normal"), tmp_path / "cache")
    assert dataset.splits["validation"].labels.tolist() == [0] * 3 + [1] * 3


def test_unreadable_images_of_a_split_are_refused_or_skipped(tmp_path):
    folder = write_pictures(tmp_path / "images", *FILES)
    (folder / FILES[2]).write_bytes(b"")
    arguments = (folder, "test", ("covid", "normal"), tmp_path / "cache")
    with pytest.raises(InputError, match=r"3\.png: the file is empty"):
        load_split(*arguments)
    dataset = load_split(*arguments, skip=True)
    assert dataset.splits["test"].paths == FILES[:2]
    assert dataset.skipped == ("test/normal/3.png: the file is empty",)


@pytest.mark.parametrize("split", ["test", "train"])
def test_a_split_alone_of_which_nothing_is_left(split, tmp_path):
    folder = write_pictures(tmp_path / "images", f"{split}/covid/1.png")
    (folder / split / "covid" / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=f"no readable {split} image"):
        load_split(folder, split, ("covid", "b"), tmp_path / "cache", skip=True)


def test_pixels_of_a_split_over_the_budget_stay_on_disk(tmp_path):
    folder = write_pictures(tmp_path / "images", *FILES)
    arguments = (folder, "test", ("covid", "normal"), tmp_path / "cache")
    near = load_split(*arguments).splits["test"].evaluation
    far = load_split(*arguments, memory_budget=0).splits["test"].evaluation
    assert isinstance(near, np.ndarray) and not isinstance(far, np.ndarray)
    np.testing.assert_array_equal(far[np.arange(3)], near)
