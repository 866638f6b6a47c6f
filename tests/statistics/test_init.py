import pytest

from jaxcovid import statistics


@pytest.mark.parametrize("name", statistics.__all__)
def test_every_name_of_the_door_is_there(name):
    assert hasattr(statistics, name)
