"""Names of classes that look alike."""

import pytest

from jaxcovid.data.class_names import look_alikes, unified

ALIKE = {
    ("Normal", "normal"): "differ in case only",
    ("STRASSE", "stra\u00dfe"): "differ in case only",
    ("normal", "normal "): "'normal ' has a trailing blank",
    (" a", "a\u00a0"): "' a' has a leading blank, 'a\\xa0' has a trailing blank",
    ("covid", "covid\u200b"): r"look alike, but are 'covid' and 'covid\u200b'",
    ("a  b", "a b"): "look alike, but are 'a  b' and 'a b'",
    ("covid", "covid19"): None,
    ("a_b", "a-b"): None,
}


@pytest.mark.parametrize("pair", ALIKE)
def test_pairs(pair):
    expected = ALIKE[pair]
    told = look_alikes(pair)
    assert len(told) == (expected is not None)
    assert all(text.endswith(expected) for text in told)


def test_names_are_one_whose_accents_are_stored_otherwise():
    names = ("\u00e9", "e\u0301", "E\u0301", "e")
    assert list(unified(names).values()) == ["\u00e9", "\u00e9", "\u00c9", "e"]
    assert list(unified(names, ["e\u0301"]).values()) == ["e\u0301", "e\u0301", "\u00c9", "e"]
    assert list(unified(names, names).values()) == list(names)
