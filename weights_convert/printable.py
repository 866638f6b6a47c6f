"""Text from files and names as it may be shown: on a terminal, in a message, on one line."""


def printable(text: str, most: int = 200) -> str:
    r"""The text with what is no printable character as its escape, cut to so many characters.

    So a name from a file can neither steer a terminal nor pretend to be a line of its own.

    >>> printable("fc\x1b[31m.weight\n")
    'fc\\x1b[31m.weight\\n'
    """
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[: most + 1].encode("utf-8", "backslashreplace").decode()
    )
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."
