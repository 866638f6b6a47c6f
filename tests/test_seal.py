"""A record that was changed in its file says so; whoever edits one on purpose takes the seal off."""

import itertools
import json
from pathlib import Path

import pytest

from jaxcovid.seal import KEY, changed, sealed, unsealed

RECORD = {"lr": 1e-3, "head": (320,), "classes": ["covid", "肺"], "dataset": {"b": None, "a": True}}
PATH = Path("run/config.json")


def written(record):
    return json.loads(json.dumps(sealed(record), ensure_ascii=False))


def test_what_is_written_is_what_is_read():
    assert changed(PATH, written(RECORD)) is None
    assert unsealed(written(RECORD)) == {**RECORD, "head": [320]}


def test_the_order_of_names_does_not_matter():
    assert changed(PATH, dict(reversed(written(RECORD).items()))) is None


CHANGES = {
    "a value": {"lr": 1e-2}, "a type": {"lr": "0.001"}, "an order": {"classes": ["肺", "covid"]},
    "a name more": {"colour": "blue"}, "the seal": {"sha256": "0"}, "no text": {"sha256": None},
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_told(case):
    sentence = changed(PATH, {**written(RECORD), **CHANGES[case]})
    assert sentence is not None
    assert sentence.startswith("run/config.json is not what was written") and "sha256" in sentence


def test_a_flipped_bit_in_the_name_of_the_seal_is_told():
    record = written(RECORD)
    digest = record.pop(KEY)
    for position, bit in itertools.product(range(len(KEY)), range(8)):
        name = bytearray(KEY, "ascii")
        name[position] ^= 1 << bit
        renamed = record | {name.decode("latin-1"): digest}
        assert changed(PATH, renamed) is not None, name


def test_without_a_seal_a_record_is_taken_as_it_is():
    assert changed(PATH, unsealed(written(RECORD)) | {"lr": 1.0}) is None
