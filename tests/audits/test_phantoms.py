"""The built-in phantoms hold nothing that an audit finds."""

import pytest

from jaxcovid.data import sources
from jaxcovid.runs.audit import OF_DATA, audit_data, passed


@pytest.mark.system
def test_phantoms_pass_clean(own_cache):
    result = audit_data(sources.phantoms(own_cache), OF_DATA)
    assert passed(result) and result.checks["blind_floor"]["passed"]
    assert [name for name, check in result.checks.items() if check["found"]] == []
