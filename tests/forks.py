"""Commands of the command line, each a process of its own, that take no seconds to start.

They are forks of a server that has all imported and no device in use. Every line that it reads is
JSON: the arguments of a command and the files for its output and its errors, answered by the number
of the process; or such a number, answered by its exit code once it has ended, and by null before.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Server:
    """Starts commands in that environment, below a folder for what they say."""

    def __init__(self, folder, environment=None):
        self.folder, self.count = folder, 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.forks"], cwd=ROOT, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, *arguments):
        self.count += 1
        said = [self.folder / f"{self.count}.{name}" for name in ("out", "err")]
        for path in said:
            path.touch()
        return Command(self, self.ask([[*map(str, arguments)], *map(str, said)]), *said)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Command:
    """A command that was started; much as a subprocess.Popen."""

    def __init__(self, server, number, out, err):
        self.server, self.number, self.out, self.err = server, number, out, err
        self.started, self.returncode, self.seen = time.perf_counter(), None, 0

    def poll(self):
        if self.returncode is None:
            self.returncode = self.server.ask(self.number)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.number, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout=180):
        """What it said to output and errors, once it has ended; it is killed after so many seconds."""
        limit = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > limit:
                self.kill()
            time.sleep(0.02)
        return self.out.read_text(), self.err.read_text()

    def until(self, text, timeout=180):
        """Waits for a further line that holds the text."""
        limit = time.monotonic() + timeout
        while True:
            ended = self.poll() is not None or time.monotonic() > limit
            said = self.out.read_text()[self.seen :]
            after = said.partition(text)[2]
            if "\n" in after:
                self.seen += len(said) - len(after.partition("\n")[2])
                return
            assert not ended, f"did not say {text!r}: {self.err.read_text()[-3000:]}"
            time.sleep(0.01)


def serve():
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        question = json.loads(line)
        if isinstance(question, int):
            number, status = os.waitpid(question, os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if number else None
        else:
            answer = os.fork()
            if answer == 0:
                answers.close()
                return run(*question)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def run(arguments, out, err):
    """The command in this process, whose exit code it returns."""
    for number, path in enumerate((os.devnull, out, err)):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout.reconfigure(write_through=True)
    with blank_charts():
        return main(arguments)


if __name__ == "__main__":
    import tests.small_network  # noqa: F401 (before jaxcovid.config, which asks its table)

    # isort: split

    from jaxcovid.assignment import mistakes  # noqa: F401
    from jaxcovid.audits import blind_floor
    from jaxcovid.cli import predict, sweep, train  # noqa: F401
    from jaxcovid.cli.main import main
    from jaxcovid.inference import inference_model  # noqa: F401
    from jaxcovid.inference import predict as inference  # noqa: F401
    from jaxcovid.runs import artifacts  # noqa: F401
    from jaxcovid.sweeps import run as sweeps  # noqa: F401
    from tests.small_runs import blank_charts

    blind_floor.TREES = 30
    sys.exit(serve())
