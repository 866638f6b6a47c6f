import numpy as np
import pytest

from jaxcovid.data.dataset import Record, assemble, place, subset


def record(value, shape, label=0, path=""):
    """An image of that value in both views."""
    pixels = np.full(shape, value, np.uint8)
    evaluation = np.full((224, 224, shape[2]), value, np.uint8)
    return Record(pixels, evaluation, np.full((64, 64, 1), value, np.uint8), label, path)


PLACED = {  # image, canvas, what lies in each channel of the canvas's corner and outside of it
    "as large as the canvas": ((4, 5, 1), (4, 5, 1), [7]),
    "smaller": ((2, 3, 1), (4, 5, 1), [7]),
    "grey on a colour canvas": ((2, 3, 1), (4, 5, 3), [7, 7, 7]),
    "colour": ((2, 3, 3), (4, 5, 3), [7, 7, 7]),
    "empty": ((0, 0, 1), (4, 5, 1), [7]),
}


@pytest.mark.parametrize("case", PLACED)
def test_an_image_lies_in_the_top_left_corner(case):
    shape, canvas_shape, values = PLACED[case]
    canvas = np.zeros(canvas_shape, np.uint8)
    place(np.full(shape, 7, np.uint8), canvas)
    corner = canvas[: shape[0], : shape[1]]
    np.testing.assert_array_equal(corner, np.broadcast_to(np.uint8(values), corner.shape))
    assert canvas.sum() == corner.sum()


SPLITS = {  # shapes of images, of the canvases, and of the evaluation views
    "alike": ([(30, 40, 1)] * 2, (2, 30, 40, 1), (2, 224, 224, 1)),
    "of many sizes": ([(30, 40, 1), (50, 20, 1)], (2, 50, 40, 1), (2, 224, 224, 1)),
    "one in colour": ([(30, 40, 1), (20, 20, 3)], (2, 30, 40, 3), (2, 224, 224, 3)),
    "one image": ([(9, 8, 3)], (1, 9, 8, 3), (1, 224, 224, 3)),
    "none": ([], (0, 0, 0, 1), (0, 224, 224, 1)),
}


@pytest.mark.parametrize("case", SPLITS)
def test_images_of_a_split_share_a_canvas(case):
    shapes, augmentable, evaluation = SPLITS[case]
    train = assemble("train", [record(9, shape) for shape in shapes])
    assert (train.augmentable.shape, train.evaluation.shape) == (augmentable, evaluation)
    assert train.sizes.tolist() == [list(shape[:2]) for shape in shapes]
    assert train.sizes.dtype == train.labels.dtype == np.int32
    other = assemble("test", [record(9, shape) for shape in shapes])
    assert other.augmentable.shape == (len(shapes), 0, 0, augmentable[-1])
    assert other.sizes.tolist() == [[0, 0]] * len(shapes)
    np.testing.assert_array_equal(other.evaluation, train.evaluation)


def test_records_keep_their_order_label_and_path():
    records = (record(10 * index, (8, 9, 1), index - 1, f"{index}.png") for index in range(3))
    split = assemble("train", records)
    assert split.labels.tolist() == [-1, 0, 1]
    assert split.paths == ("0.png", "1.png", "2.png")
    for pixels in (split.augmentable, split.evaluation):
        assert pixels[np.arange(3)].mean((1, 2, 3)).tolist() == [0, 10, 20]


SUBSETS = {"some, in another order": [2, 0], "one twice": [1, 1], "all": [0, 1, 2], "none": []}


@pytest.mark.parametrize("case", SUBSETS)
def test_a_subset_takes_everything_of_its_images(case):
    indices = SUBSETS[case]
    records = [record(10 * n, (8 + n, 9, 1), n, f"{n}.png") for n in range(3)]
    split = subset(assemble("train", records), np.array(indices, np.int64))
    assert split.labels.tolist() == indices
    assert split.paths == tuple(f"{index}.png" for index in indices)
    assert split.sizes.tolist() == [[8 + index, 9] for index in indices]
    assert split.augmentable.shape == (len(indices), 10, 9, 1)
    assert split.evaluation[:, 0, 0, 0].tolist() == [10 * index for index in indices]
