"""The pickle machine builds plain data, and nothing that is not on the list."""

import pytest

from tests.weights_convert import assemble as a
from weights_convert import FormatError
from weights_convert.pth.dialect import no_reference, torch_dialect
from weights_convert.pth.machine import unpickle
from weights_convert.pth.source import Cursor


def load(content):
    cursor = Cursor(memoryview(content))
    return unpickle(cursor, torch_dialect(no_reference)), cursor.tell()


PLAIN = {
    "number": (a.number(7), 7),
    "large number": (a.number(2**70), 2**70),
    "text": (a.text("ü"), "ü"),
    "nothing": (a.NONE, None),
    "tuple": (a.group(a.TRUE, a.FALSE), (True, False)),
    "dict": (a.mapping({"a": a.number(1), "b": a.EMPTY_LIST}), {"a": 1, "b": []}),
    "list": (a.EMPTY_LIST + a.MARK + a.number(1) + a.number(2) + b"e", [1, 2]),
    "memo": (a.EMPTY_LIST + b"q\x00" + b"h\x00" + b"\x86", ([], [])),
    "OrderedDict": (a.call(a.name("collections", "OrderedDict")), {}),
}


@pytest.mark.parametrize("case", PLAIN)
def test_plain_data(case):
    content, value = PLAIN[case]
    assert load(a.pickled(content))[0] == value


def test_the_stream_is_left_behind_the_pickle():
    content = a.pickled(a.number(7))
    assert load(content + b"more") == (7, len(content))


def test_a_name_off_the_list_is_refused_before_anything_is_called():
    with pytest.raises(FormatError, match=r"asks for posix\.system.*nothing was executed"):
        load(a.pickled(a.call(a.name("posix", "system"), a.text("touch sentinel"))))
