import threading
import time

import pytest

from jaxcovid.data.ahead import made_ahead


def test_all_is_made_in_order():
    def late(item):
        time.sleep(0.01 * (item % 3))
        return item * item

    for most in (1, 4, 100):
        assert list(made_ahead(late, range(20), most)) == [item * item for item in range(20)]
    assert list(made_ahead(late, [], 4)) == []


def test_few_wait_to_be_taken():
    begun = []
    made = made_ahead(begun.append, range(100), 5)
    for taken in range(1, 4):
        next(made)
        assert len(begun) <= taken + 5
    made.close()


def test_what_is_raised_comes_in_its_turn_and_ends_it():
    before = threading.active_count()

    def make(item):
        if item == 7:
            raise KeyboardInterrupt
        return item

    taken = []
    with pytest.raises(KeyboardInterrupt):
        taken.extend(made_ahead(make, range(100), 16))
    assert taken == [*range(7)]
    assert threading.active_count() == before


def test_one_that_is_closed_begins_no_more():
    begun, go = [], threading.Event()

    def make(item):
        begun.append(item)
        if item:
            go.wait(0.1)

    made = made_ahead(make, range(1000), 100)
    next(made)
    made.close()
    assert len(begun) < 100
