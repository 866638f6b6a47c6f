"""Features of the frozen part outlive the command that computed them."""

from collections.abc import Hashable

import jax

from jaxcovid.runs.kept_arrays import array_file, read_arrays, write_arrays
from jaxcovid.runs.progress import say
from jaxcovid.training.frozen_features import Features, Store
from weights_convert.cache import cache_folder


def feature_store() -> Store | None:
    """Reads and writes features in the cache folder; None where several processes must agree.

    What cannot be read is computed anew, and where nothing can be written nothing is kept. That
    some are read is said once.
    """
    if jax.process_count() > 1:
        return None
    folder, said = cache_folder() / "features", False

    def read(key: Hashable) -> Features | None:
        nonlocal said
        arrays = read_arrays(array_file(folder, key))
        if arrays is None or set(arrays) != set(Features._fields):
            return None
        if not said:
            say("Outputs of the frozen part are kept from an earlier run")
            said = True
        return Features(**arrays)

    def write(key: Hashable, features: Features) -> None:
        write_arrays(array_file(folder, key), features._asdict())

    return Store(read, write)
