"""study.toml: the author's answers, and every problem at once."""

import pytest

from jaxcovid.errors import InputError
from jaxcovid.runs.study import read_study


def read(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_study(path)


def test_answers_by_number_and_by_name(tmp_path):
    text = (
        '[claim]\n3 = "too few radiologists"\n"5" = "retrospective"\nfunding = " nobody — paid "\n'
    )
    expected = {3: "too few radiologists", 5: "retrospective", 44: "nobody — paid"}
    assert read(tmp_path, text) == expected


def test_no_answers(tmp_path):
    assert read(tmp_path, "[claim]\n") == {}


PROBLEMS = {
    "unknown name": ('[claim]\nfunder = "x"', ["'funder' is no item; use 1 (kind_of_ai), 2 (abstract)", "44 (funding)"]),
    "unknown number": ('[claim]\n45 = "x"', ["'45' is no item"]),
    "a strange digit": ('[claim]\n"²" = "x"', ["'²' is no item"]),
    "twice": ('[claim]\n44 = "x"\nfunding = "y"', ["item 44 is answered twice"]),
    "no text": ('[claim]\n5 = 3\n6 = " "', ["the answer to '5' is not text", "the answer to '6' is not text"]),
    "no table": ('5 = "x"', ["'5' is not known", "no table [claim]"]),
    "another table": ('[claim]\n[other]\n5 = "x"', ["'other' is not known; all answers stand under [claim]"]),
    "not a table": ('claim = "x"', ["no table [claim]"]),
    "no TOML": ("[claim", ["is not TOML"]),
    "no text at all": (b"\xff\xfe", ["is not TOML"]),
}  # fmt: skip


@pytest.mark.parametrize("case", PROBLEMS)
def test_problems(case, tmp_path):
    text, expected = PROBLEMS[case]
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert all(problem.startswith("`study`: ") for problem in caught.value.problems)
    assert all(part in str(caught.value) for part in expected), str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"`study`: cannot read .*No such file"):
        read_study(tmp_path / "study.toml")
