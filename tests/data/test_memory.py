import threading
import time
from concurrent.futures import ThreadPoolExecutor

from jaxcovid.data.memory import Share, strips


def test_never_more_is_taken_than_there_is():
    share, lock, held, most = Share(10), threading.Lock(), [0], [0]

    def work(part):
        with share.taken(part):
            with lock:
                held[0] += min(part, 10)
                most[0] = max(most[0], held[0])
            time.sleep(0.002)
            with lock:
                held[0] -= min(part, 10)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [1, 9, 5, 5, 5, 30, 2, 3, 10, 1, 1, 1] * 2))
    assert held[0] == 0 and 5 < most[0] <= 10


def test_what_fails_gives_its_part_back():
    share = Share(1)
    for _ in range(2):
        try:
            with share.taken(1):
                raise KeyError
        except KeyError:
            pass


def test_strips_cover_every_row_once():
    for height, width in ((10, 8), (8900, 8900), (2, 2**22)):
        rows = [row for top, bottom in strips(height, width) for row in range(top, bottom)]
        assert rows == list(range(height))
        assert all(
            (bottom - top) * width <= max(2**20, width) for top, bottom in strips(height, width)
        )
