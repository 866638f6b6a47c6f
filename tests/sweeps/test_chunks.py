"""Which members train together."""

import pytest

from jaxcovid.config import Config
from jaxcovid.sweeps.chunks import alike_members, member_chunks

CHUNKS = {
    "all": (10.0, [[0, 1, 2, 3, 4]]),
    "equal parts": (3.0, [[0, 1, 2], [3, 4]]),
    "one at least": (0.5, [[0], [1], [2], [3], [4]]),
}


@pytest.mark.parametrize("case", CHUNKS)
def test_chunks_fit_the_memory(case):
    budget, expected = CHUNKS[case]
    assert member_chunks(range(5), 1.0, budget) == expected


def test_members_of_one_program_keep_the_same_arrays():
    members = [
        Config(momentum=0.9), Config(momentum=0.0), Config(momentum=0.5), Config(weight_decay=0.1),
        Config(weight_decay=0.2), Config(focal_alpha=(0.1, 0.2)),
    ]  # fmt: skip
    assert alike_members(members) == [[0, 2], [1], [3, 4], [5]]
