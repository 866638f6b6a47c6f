"""Text from files can neither steer a terminal nor break a line."""

import pytest

from weights_convert.printable import printable

SHOWN = {
    "plain": ("layer1.0.conv1.weight", "layer1.0.conv1.weight"),
    "beyond ASCII": ("naïve 胸部", "naïve 胸部"),
    "escape": ("a\x1b]0;title\x07b", "a\\x1b]0;title\\x07b"),
    "lines": ("fc\nmodel: resnet18\r", "fc\\nmodel: resnet18\\r"),
    "eight-bit control": ("a\x9b31m", "a\\x9b31m"),
    "bidirectional": ("a\u202egnp.exe", "a\\u202egnp.exe"),
    "line separator": ("a\u2028b", "a\\u2028b"),
    "undecodable name of a file": ("a\udcffb", "a\\udcffb"),
    "long": ("a" * 10**6, "a" * 197 + "..."),
}


@pytest.mark.parametrize("case", SHOWN)
def test_shown(case):
    text, expected = SHOWN[case]
    assert printable(text) == expected
