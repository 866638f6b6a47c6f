"""Runs commands of the command line one by one, and kills them; tests of this folder start it.

Every line of standard input is JSON: the arguments, and after how many seconds to kill (null: not).
The answer to each is the exit code and the seconds. A command is a fork of this process, which has
all imported and no device in use, so that none takes the seconds that imports take.
"""

import json
import os
import signal
import sys
import time

import tests.small_network  # noqa: F401 (before jaxcovid.config, which asks its table)

# isort: split

from jaxcovid.assignment import mistakes  # noqa: F401
from jaxcovid.audits import blind_floor
from jaxcovid.cli import predict, sweep  # noqa: F401
from jaxcovid.cli.main import main
from jaxcovid.inference import inference_model  # noqa: F401
from jaxcovid.inference import predict as inference  # noqa: F401
from jaxcovid.runs import artifacts  # noqa: F401
from jaxcovid.sweeps import run  # noqa: F401
from tests.small_runs import blank_charts


def command(arguments):
    """The command in this process, which ends with it."""
    blind_floor.TREES = 30
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    with blank_charts():
        os._exit(main(arguments))


def killed(arguments, after):
    begun = time.perf_counter()
    child = os.fork()
    if child == 0:
        command(arguments)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), time.perf_counter() - begun


for line in sys.stdin:
    sys.stdout.write(json.dumps(killed(*json.loads(line))) + "\n")
    sys.stdout.flush()
