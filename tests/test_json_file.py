"""Whatever a JSON file holds or is, it is a value of the shape or one line of a message."""

import os
import threading

import pytest

from jaxcovid.json_file import misfit, parsed_json, read_json

TEXTS = {
    "NaN": ('{"a": NaN}', "NaN is not a finite number"),
    "infinite": ('{"a": [-Infinity]}', "-Infinity is not a finite"),
    "too large": ("[1e999]", "1e999 is not a finite"),
    "a huge integer": ("1" * 30, "is not a finite number"),
    "an integer that Python refuses": ("1" * 10_000, "is not a finite number"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "deep objects": ('{"a":' * 50_000 + "1" + "}" * 50_000, "nested too deeply"),
    "a little too deep": ("[" * 65 + "]" * 65, "nested too deeply"),
    "a name twice": ('{"seed": 1, "seed": 2}', "seed twice"),
    "a lone surrogate": (r'{"a": "\ud800"}', "no Unicode"),
    "a lone surrogate in a name": (r'{"\udfff": 1}', "no Unicode"),
    "NUL": (r'["a\u0000b"]', "NUL"),
    "nothing": ("", "not JSON"),
    "cut short": ('{"a": [1, 2', "not JSON"),
    "more than one value": ("{} {}", "not JSON"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_no_file_of_ours_holds_is_refused(case):
    text, message = TEXTS[case]
    with pytest.raises(ValueError, match=message) as caught:
        parsed_json(text)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 200


def test_what_is_sound_is_read():
    text = r'{"é": [1, -2.5, 1e-3, null, true, "\ud83d\ude00"], "": {}}'
    value = {"é": [1, -2.5, 1e-3, None, True, "\U0001f600"], "": {}}
    assert parsed_json(text) == value
    assert parsed_json("[" * 64 + "]" * 64)


def test_numbers_that_are_not_finite_where_they_may_be():
    assert parsed_json("[Infinity, 1e999]", finite=False) == [float("inf")] * 2


SHAPES = {
    "as it is to be": ({"a": 1, "more": None}, {"a": float}, None),
    "no object": ([], dict, "expected names with values, found a list"),
    "missing": ({}, {"a": int}, "a: missing"),
    "may be missing": ({}, {"a?": int}, None),
    "there, but wrong": ({"a": "1"}, {"a?": int}, "a: expected a whole number, found text"),
    "text for a number": ({"a": {"b": "1"}}, {"a": {"b": float}}, "a, b: expected a number, found text"),
    "a whole number is a number": (1, float, None),
    "no whole number": (1.5, int, "expected a whole number, found a number"),
    "true is no number": (True, int, "expected a whole number, found true or false"),
    "of any names": ({"x": 1, "y": None}, {str: (int, type(None))}, None),
    "one of any names": ({"x": 1, "y\n": []}, {str: (int, type(None))}, r"y\n: expected a whole number, found a list"),
    "in a list": ([[1], ["x"]], [[int]], "1, 0: expected a whole number, found text"),
    "an object for a list": ({}, [int], "expected a list, found names with values"),
    "a list for an object": ([], {str: int}, "expected names with values, found a list"),
}  # fmt: skip


@pytest.mark.parametrize("case", SHAPES)
def test_what_does_not_fit_is_named_with_its_place(case):
    value, shape, problem = SHAPES[case]
    assert misfit(value, shape) == problem


def fifo(path):
    os.mkfifo(path)


FILES = {
    "a pipe": (fifo, "no ordinary file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "no ordinary file"),
    "other letters": (lambda path: path.write_bytes('{"é": 1}'.encode("latin-1")), "not UTF-8 from byte 2"),
    "UTF-16": (lambda path: path.write_text("{}", "utf-16"), "not UTF-8"),
    "too long": (lambda path: path.write_text("[" + " " * 100 + "]"), "more than 100 bytes"),
    "another shape": (lambda path: path.write_text("[]"), "expected names with values"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_none_of_ours(case, tmp_path):
    make, message = FILES[case]
    make(tmp_path / "x.json")
    caught = []

    def read():
        try:
            read_json(tmp_path / "x.json", most=100)
        except ValueError as error:
            caught.append(str(error))

    thread = threading.Thread(target=read, daemon=True)  # a pipe would never end
    thread.start()
    thread.join(5)
    assert caught and message in caught[0]


def test_folders_and_missing_files_are_the_disk_s_errors(tmp_path):
    for path, error in ((tmp_path, IsADirectoryError), (tmp_path / "x", FileNotFoundError)):
        with pytest.raises(error) as caught:
            read_json(path)
        assert str(caught.value.filename) == str(path)


def test_a_byte_order_mark_and_another_locale(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    (tmp_path / "x.json").write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')
    assert read_json(tmp_path / "x.json") == {"a": "é"}
