"""No content of a file is ever executed; whatever is wrong gives one clear message."""

import re
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.weights_convert import assemble
from tests.weights_convert.hostile import FILES
from weights_convert import FormatError, read
from weights_convert.__main__ import main


def test_the_corpus_is_large():
    assert len(FILES) >= 120


# A hundred thousand instructions, at each of which tests check the types of several calls.
LONG = "many memos"


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[pytest.mark.system] * (case == LONG)) for case in FILES],
)
def test_refused_with_one_message_and_no_side_effect(case, tmp_path, monkeypatch, capsys):
    content, message = FILES[case]
    monkeypatch.chdir(tmp_path)
    Path("file.pth").write_bytes(content)
    started = time.process_time()
    with pytest.raises(FormatError, match=message) as error:
        read("file.pth")
    assert time.process_time() - started < 10
    assert str(error.value).startswith("file.pth: ") and "\n" not in str(error.value)
    assert len(str(error.value)) < 500

    assert main(["convert", "file.pth", "out.safetensors"]) == 2
    printed = capsys.readouterr()
    assert re.search(message, printed.err) and "Traceback" not in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["file.pth"]


def test_the_commands_would_leave_a_trace(tmp_path, monkeypatch):
    """The corpus is not harmless by accident: Python's own unpickler does run it."""
    import pickle

    monkeypatch.chdir(tmp_path)
    pickle.loads(
        assemble.pickled(
            assemble.call(assemble.name("posix", "system"), assemble.text("touch sentinel"))
        )
    )
    assert Path("sentinel").exists()


GOOD = {
    "zip": assemble.zipped(),
    "stacked": assemble.stacked(),
    "tar": assemble.tarred(),
}


@pytest.mark.parametrize("case", GOOD)
def test_the_files_that_the_corpus_spoils_are_good(case, tmp_path):
    (tmp_path / "file").write_bytes(GOOD[case])
    weights = read(tmp_path / "file")
    np.testing.assert_array_equal(weights.arrays["weight"], assemble.ARRAY)


def harmless(path):
    """Reads a file that may be broken: either arrays that lie inside it, or FormatError."""
    tracemalloc.start()
    started = time.process_time()
    try:
        weights = read(path)
    except FormatError as error:
        assert "\n" not in str(error)
        return None
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 50e6
        assert time.process_time() - started < 5
    for array in weights.arrays.values():
        # But for what torch's `expand` makes, whose numbers are shown again and again.
        assert array.nbytes <= path.stat().st_size or 0 in array.strides
        array.tobytes()
    return weights


@pytest.mark.parametrize("case", GOOD)
def test_cut_anywhere(case, tmp_path):
    path = tmp_path / "file"
    for length in range(0, len(GOOD[case]), 97 if case == "tar" else 3):  # tar is mostly padding
        path.write_bytes(GOOD[case][:length])
        weights = harmless(path)
        if weights is not None:  # only padding at the end may be missed
            assert case == "tar"
            np.testing.assert_array_equal(weights.arrays["weight"], assemble.ARRAY)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(opcodes=st.lists(st.sampled_from([
    assemble.MARK, assemble.TUPLE, assemble.REDUCE, assemble.BUILD, assemble.SETITEM,
    assemble.SETITEMS, assemble.APPEND, assemble.PERSISTENT, assemble.NONE, assemble.EMPTY_DICT,
    assemble.EMPTY_LIST, b")", b"\x81", b"\x85", b"\x86", b"q\x00", b"h\x00", b"e",
    assemble.text("weight"), assemble.number(3), assemble.storage(), assemble.tensor(),
    assemble.name("collections", "OrderedDict"), assemble.name("torch._utils", "_rebuild_tensor"),
    assemble.name("torch.nn.parameter", "Parameter"), assemble.name("copy_reg", "_reconstructor"),
    assemble.name("torch", "FloatStorage"), assemble.name("builtins", "object"),
]), max_size=30))  # fmt: skip
def test_any_sequence_of_opcodes_is_harmless(opcodes, tmp_path):
    (tmp_path / "file").write_bytes(assemble.zipped(assemble.pickled(*opcodes)))
    harmless(tmp_path / "file")
