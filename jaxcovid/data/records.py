"""Records of prepared images on disk: a set that TFDS reads, written as it documents for others."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from tensorflow_datasets.proto import tf_example_pb2

from jaxcovid.data.dataset import Record

VIEWS = ("augmentable", "evaluation", "miniature")

NAME = "folder"  # of the set, for TFDS
# Any record is found by itself. They are not compressed: that would save a quarter of the disk and
# take longer than all else.
OPTIONS = "group_size:1,uncompressed"


def features() -> tfds.features.FeaturesDict:
    """What TFDS is told of a record."""
    pixels = tfds.features.Tensor(
        shape=(None, None, None), dtype=np.uint8, encoding=tfds.features.Encoding.BYTES
    )
    return tfds.features.FeaturesDict(
        {
            **dict.fromkeys(VIEWS, pixels),
            "label": tfds.features.Scalar(dtype=np.int32),
            "path": tfds.features.Text(),
            "few_levels": tfds.features.Scalar(dtype=np.int32),
        }
    )


def to_bytes(record: Record) -> bytes:
    """A record as TFDS stores it; its own `serialize_example` takes several times as long."""
    example = cast(Any, tf_example_pb2).Example()
    feature = example.features.feature
    for view in VIEWS:
        pixels = getattr(record, view)
        feature[f"{view}/shape"].int64_list.value.extend(pixels.shape)
        feature[f"{view}/value"].bytes_list.value.append(pixels.tobytes())
    feature["label"].int64_list.value.append(record.label)
    feature["path"].bytes_list.value.append(record.path.encode())
    feature["few_levels"].int64_list.value.append(record.few_levels)
    return example.SerializeToString()


def write_records(folder: Path, split: str, records: Iterable[bytes]) -> tfds.core.SplitInfo:
    """Writes the records of a split to a folder. Raises OSError, RuntimeError."""
    lengths = []
    writer = ArrayRecordWriter(str(folder / f"{NAME}-{split}.array_record-00000-of-00001"), OPTIONS)
    try:
        for record in records:
            writer.write(record)
            lengths.append(len(record))
    finally:
        writer.close()
    return tfds.core.SplitInfo(name=split, shard_lengths=[len(lengths)], num_bytes=sum(lengths))


def describe(folder: Path, splits: Sequence[tfds.core.SplitInfo], version: str) -> None:
    """Writes what TFDS is to know of the records of all splits in a folder. Raises OSError."""
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=features(),
        split_infos=splits,
        version=version,
        check_data=False,  # that takes TensorFlow
        disable_shuffling=True,
    )


class StoredRecords:
    """The views of the records of a split, read when asked for."""

    def __init__(self, folder: Path, split: str):
        builder = cast(Any, tfds.builder_from_directory(folder))
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        self._source = builder.as_data_source(split=split, deserialize_method=raw)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, position: int, /) -> Mapping[str, np.ndarray]:
        """The record at that position."""
        return _views(self._source[position])

    def __getitems__(self, positions: Sequence[int], /) -> Sequence[Mapping[str, np.ndarray]]:
        """The records at these positions, in that order, read together."""
        return [_views(record) for record in self._source.__getitems__(positions)]


def _views(record: bytes) -> dict[str, np.ndarray]:
    feature = cast(Any, tf_example_pb2).Example.FromString(record).features.feature
    return {
        view: np.frombuffer(feature[f"{view}/value"].bytes_list.value[0], np.uint8).reshape(
            feature[f"{view}/shape"].int64_list.value
        )
        for view in VIEWS
    }
