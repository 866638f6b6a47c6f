"""Calls the commands in this process."""

from jaxcovid.cli.main import main


def call(command, *arguments):
    """The exit code of a command, by its name."""
    try:
        return main([command, *map(str, arguments)])
    except SystemExit as stop:
        return stop.code
