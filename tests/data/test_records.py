"""Records are what TFDS reads, as it would write them itself but for compression."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.proto import tf_example_pb2

from jaxcovid.data import records
from jaxcovid.data.dataset import Record
from jaxcovid.data.images import NOT_KEPT

RANDOM = np.random.default_rng(0)


def pixels(*shape):
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


EXAMPLES = [
    Record(pixels(320, 400, 1), pixels(224, 224, 1), pixels(64, 64, 1), 0, "train/a/1.png", 3),
    Record(NOT_KEPT, pixels(224, 224, 3), pixels(64, 64, 1), -1, "train/b/Röntgen 2.png"),
    Record(pixels(7, 500, 3), NOT_KEPT, NOT_KEPT, 2**31 - 1, "x"),
]


def write(folder, **splits):
    written = [
        records.write_records(folder, split, map(records.to_bytes, given))
        for split, given in splits.items()
    ]
    records.describe(folder, written, "4.0.0")
    return folder


@pytest.mark.parametrize("example", EXAMPLES)
def test_bytes_mean_what_those_that_tfds_makes_mean(example):
    made = records.features().serialize_example(example._asdict())
    one, other = map(tf_example_pb2.Example.FromString, (records.to_bytes(example), made))
    assert one == other


def test_tfds_reads_them_without_this_package(tmp_path):
    builder = tfds.builder_from_directory(write(tmp_path, train=EXAMPLES, validation=EXAMPLES[:1]))
    assert [split.num_examples for split in builder.info.splits.values()] == [3, 1]
    for split, given in (("train", EXAMPLES), ("validation", EXAMPLES[:1])):
        for read, example in zip(builder.as_data_source(split=split), given, strict=True):
            expected = example._asdict()
            assert read.pop("path") == expected.pop("path").encode()
            np.testing.assert_equal(read, expected)


def test_views_come_back_in_any_order(tmp_path):
    stored = records.StoredRecords(write(tmp_path, train=EXAMPLES), "train")
    assert len(stored) == 3
    for place, read in [
        (1, stored[1]),
        *zip([2, 0, 2], stored.__getitems__([2, 0, 2]), strict=True),
    ]:
        example = EXAMPLES[place]._asdict()
        np.testing.assert_equal(read, {view: example[view] for view in records.VIEWS})


def test_a_flipped_bit_is_noticed(tmp_path):
    (path,) = write(tmp_path, train=EXAMPLES).glob("*array_record*")
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1
    path.write_bytes(content)
    stored = records.StoredRecords(tmp_path, "train")
    with pytest.raises(Exception, match=r"(?i)corrupt|checksum|hash"):
        [stored[place] for place in range(3)]
