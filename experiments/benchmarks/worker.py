"""One side of a row, in a process of its own: works once for every line that it is sent."""

import importlib
import json
import sys

from jaxcovid.cli.huge_pages import use_huge_pages


def main() -> None:
    """Gets ready, says so, and answers each line with the seconds that its work took."""
    side, name, job = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    if side == "our":
        use_huge_pages()  # as every command does
    work = importlib.import_module(f"{side}_side").JOBS[name](job)
    work()  # compiles, starts workers, fills caches
    print("ready", flush=True)
    for _ in sys.stdin:
        print(f"seconds {work()}", flush=True)


if __name__ == "__main__":
    main()
