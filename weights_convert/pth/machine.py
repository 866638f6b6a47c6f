"""A pickle machine for data only: it knows few opcodes and calls nothing that a file names.

Python's own unpickler imports and calls what a pickle asks for. This machine has no way to do so:
a global is an entry of an exact allow-list, and applying one only builds inert data.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from weights_convert.errors import FormatError
from weights_convert.printable import printable
from weights_convert.pth.source import Cursor

MAX_OPCODES = 500_000  # of DenseNet121 with its optimizer there are 54,291
MAX_STACK = 10_000
MAX_MEMO = 100_000
MAX_ARGUMENT = 16 * 2**20  # bytes of one opcode's argument
MAX_PICKLE = 64 * 2**20  # bytes of all arguments
MAX_NUMBER = 2**60  # Python gives larger numbers the same hash as smaller ones


class Global(NamedTuple):
    """A name that the pickle mentions, from the allow-list."""

    module: str
    name: str


# Builds inert data from the arguments of a call, or raises FormatError.
Constructor = Callable[..., Any]


class Dialect(NamedTuple):
    """What globals may occur and what applying them gives; what a persistent id stands for."""

    constructors: Mapping[Global, Constructor | None]
    persistent: Callable[[Any], Any]
    refuse: Callable[[Global], FormatError]
    build: Callable[[Any, Any], Any]


def unpickle(stream: Cursor, dialect: Dialect) -> Any:
    """The object of the pickle at the stream's position, which is left behind its end.

    Raises FormatError at anything that plain data does not need.
    """
    return _Machine(dialect).run(stream)


class _Mark:
    pass


_MARK = _Mark()


class Key:
    """Stands for a dict's key that is neither text nor number; equal to nothing but itself."""


class _Machine:
    def __init__(self, dialect: Dialect):
        self.dialect = dialect
        self.count = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, stream: Cursor) -> Any:
        try:
            for opcode, argument, _ in pickletools.genops(cast(Any, _Bounded(stream))):
                self.spend(1)
                handler = _HANDLERS.get(opcode.name)
                if handler is None:
                    if opcode.name == "STOP":
                        return self.result()
                    raise FormatError(
                        f"its pickle uses {opcode.name}, which weights do not need; save a "
                        "state_dict with torch.save"
                    )
                handler(self, argument)
                if len(self.stack) > MAX_STACK or len(self.memo) > MAX_MEMO:
                    raise FormatError("its pickle is nested or memoised beyond reason")
        except FormatError:
            raise
        except (ValueError, KeyError, IndexError, TypeError, OverflowError, EOFError) as error:
            # What pickletools says of a pickle that is cut short or garbled.
            raise FormatError(
                f"its pickle is broken ({printable(str(error)[:1000], 80)})"
            ) from None
        raise FormatError("its pickle is cut short")

    def result(self) -> Any:
        value = self.pop()
        if self.stack:
            raise FormatError("its pickle ends with objects left over")
        return value

    def spend(self, steps: int) -> None:
        self.count += steps
        if self.count > MAX_OPCODES:
            raise FormatError(f"its pickle has more than {MAX_OPCODES:,} instructions")

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise FormatError("its pickle takes from an empty stack")
        return self.stack.pop()

    def top(self, kind: type, what: str) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise FormatError(f"its pickle adds items to something that is no {what}")
        return self.stack[-1]

    def pop_to_mark(self) -> list[Any]:
        for position in range(len(self.stack) - 1, -1, -1):
            if self.stack[position] is _MARK:
                items = self.stack[position + 1 :]
                del self.stack[position:]
                return items
        raise FormatError("its pickle lacks a mark")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def tuple_of(self, size: int) -> None:
        items = [self.pop() for _ in range(size)]
        self.push(tuple(reversed(items)))

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise FormatError("its pickle refers to an object that it never stored")
        self.push(self.memo[index])

    def put(self, index: int) -> None:
        value = self.pop()
        self.memo[index] = value
        self.push(value)

    def set_items(self, items: list[Any]) -> None:
        target = self.top(dict, "dict")
        if len(items) % 2:
            raise FormatError("its pickle has a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_hashable(key)] = value

    def push_global(self, argument: str) -> None:
        # pickletools joins module and name by a space; neither can contain one.
        module, _, name = argument.partition(" ")
        mentioned = Global(module, name)
        if mentioned not in self.dialect.constructors:
            raise self.dialect.refuse(mentioned)
        self.push(mentioned)

    def call(self) -> None:
        arguments = self.pop()
        function = self.pop()
        constructor = (
            self.dialect.constructors.get(function) if isinstance(function, Global) else None
        )
        if constructor is None or type(arguments) is not tuple:
            raise FormatError(
                "its pickle calls something that is not on the list of harmless names"
            )
        # Each may go through its arguments, which may be the same long list every time.
        self.spend(
            sum(len(argument) for argument in arguments if isinstance(argument, list | tuple))
        )
        try:
            self.push(constructor(*arguments))
        except TypeError:
            assert isinstance(function, Global)
            raise FormatError(
                f"its pickle calls {function.module}.{function.name} with wrong arguments"
            ) from None

    def build(self) -> None:
        state = self.pop()
        self.push(self.dialect.build(self.pop(), state))


class _Bounded:
    """A stream that reads no argument longer than weights need."""

    def __init__(self, stream: Cursor):
        self._stream = stream
        self._left = MAX_PICKLE
        self.tell = stream.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= min(MAX_ARGUMENT, self._left):
            raise FormatError("its pickle holds a value longer than weights need")
        self._left -= size
        return self._stream.read(size)

    def readline(self) -> bytes:
        return self._stream.readline(1000)


def _hashable(key: Any) -> Any:
    """The key itself if hashing it can neither run anything nor recurse."""
    if isinstance(key, list | dict):
        raise FormatError("its pickle has a dict key that is neither text nor number")
    if key is None or isinstance(key, str):
        return key
    return key if isinstance(key, int | float) and abs(key) < MAX_NUMBER else Key()


def _extend(machine: _Machine, items: list[Any]) -> None:
    machine.top(list, "list").extend(items)


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.top(dict, "dict")[_hashable(key)] = value


_Handler = Callable[[_Machine, Any], None]

# Bound late, so that a handler is one line; the argument is unused where an opcode has none.
_HANDLERS: dict[str, _Handler] = {
    "PROTO": lambda machine, version: _check_protocol(version),
    "MARK": lambda machine, _: machine.push(_MARK),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING",
         "BINSTRING"),
        lambda machine, value: machine.push(value),
    ),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "APPEND": lambda machine, _: _extend(machine, [machine.pop()]),
    "APPENDS": lambda machine, _: _extend(machine, machine.pop_to_mark()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "SETITEM": lambda machine, _: _set_item(machine),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, index: machine.get(index)),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda machine, index: machine.put(index)),
    "GLOBAL": lambda machine, argument: machine.push_global(argument),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.push(machine.dialect.persistent(machine.pop())),
}  # fmt: skip


def _check_protocol(version: int) -> None:
    if version > 5:
        raise FormatError(f"its pickle has the unknown protocol {version}")
