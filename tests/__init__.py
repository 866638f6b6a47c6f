"""The tests; while they run, annotations of the packages are checked.

An int may stand for a float (PEP 484).
"""

from beartype import BeartypeConf, beartype

typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))
