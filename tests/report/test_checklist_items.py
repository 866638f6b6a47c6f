"""The table of items: all 44, in order, with names for study.toml."""

from itertools import groupby

from jaxcovid.report.checklist_items import ITEMS


def test_all_items_in_order_with_names_of_their_own():
    assert [*ITEMS] == [*range(1, 45)]
    assert len({item.name for item in ITEMS.values()}) == 44
    assert all(item.name.replace("_", "").isalpha() for item in ITEMS.values())


def test_sections_do_not_interleave():
    sections = [name for name, _ in groupby(item.section for item in ITEMS.values())]
    assert len(sections) == len({*sections})


def test_what_a_run_can_answer_wholly_in_part_and_not_at_all():
    """As counted in the list of what a run's files hold: 16, 16, 12."""
    kinds = [(item.answer is not None, bool(item.rest)) for item in ITEMS.values()]
    assert [kinds.count(kind) for kind in ((True, False), (True, True), (False, False))] == [
        16, 16, 12
    ]  # fmt: skip
