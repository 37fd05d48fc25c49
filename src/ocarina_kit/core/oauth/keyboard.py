"""What is typed or pasted, key by key: text, and when it is whole. Pure: edges/person/terminal.py hands in the keys.

A terminal that hands over whole lines loses all of a line beyond 4,095 characters (PROTOTYPES.md, Long pastes). So it
is asked for single keys, and the keys that edit a line are understood here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

LONGEST = 1 << 20
"""Characters that are kept; more is no secret and no callback, and is dropped as it comes."""

_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"
# ECMA-48: CSI sequences (5.4), SS3 and one character, or escape and one character (a key with Alt).
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[^\[O\x00-\x1f\x7f])")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")


class Key(Enum):
    """Keys that end the typing, or hold it up."""

    INTERRUPT = "Ctrl-C"
    END = "Ctrl-D on an empty line"
    SUSPEND = "Ctrl-Z"


@dataclass(frozen=True)
class Keys:
    """The characters that stand for each key, as the terminal has them set (stty(1))."""

    interrupt: str = "\x03\x1c"
    end: str = "\x04"
    suspend: str = "\x1a"
    erase: str = "\x7f\x08"
    kill: str = "\x15"
    word: str = "\x17"

    @property
    def editing(self) -> str:
        return self.end + self.suspend + self.erase + self.kill + self.word


class Typed:
    """What has been typed so far.

    ``paste_is_whole``: the end of a bracketed paste is as good as Enter.
    """

    def __init__(self, keys: Keys | None = None, *, paste_is_whole: bool = True) -> None:
        self.in_paste = False
        self._keys = keys or Keys()
        self._paste_is_whole = paste_is_whole
        self._chars: list[str] = []
        self._blank = True
        self._rest = ""  # an escape sequence whose end has not come yet
        self._pasted = self._ended = False

    @property
    def text(self) -> str:
        """Line breaks as ``\n``, and never one before the first other character."""
        return "".join(self._chars)

    def __len__(self) -> int:
        """How many characters there are, the line breaks at the end aside."""
        count = len(self._chars)
        while count and self._chars[count - 1] == "\n":
            count -= 1
        return count

    @property
    def whole(self) -> bool:
        """Whether it is finished, given that nothing more comes for a moment: Enter was pressed behind it, or a paste
        has ended. Never inside a bracketed paste, and never while there is nothing but white space."""
        if self.in_paste or self._blank:
            return False
        return self._ended or self._chars[-1] == "\n" or (self._pasted and self._paste_is_whole)

    def feed(self, data: str) -> Key | None:
        """Take what was read. Returns the first key that ends or holds up the typing; what is behind it is dropped."""
        data = self._rest + data
        self._rest = ""
        position = 0
        while position < len(data):
            if data[position] != "\x1b":
                key = self._char(data[position])
                if key is not None:
                    return key
                position += 1
            elif (found := _SEQUENCE.match(data, position)) is not None:
                self._sequence(found[0])
                position = found.end()
            elif _UNFINISHED.match(data, position):
                self._rest = data[position : position + 64]
                return None
            else:
                position += 1
        return None

    def pause(self) -> None:
        """Nothing more came for a while: what looked like the beginning of an escape sequence is none.

        But for a paste's end mark on a slow connection: nobody presses Escape inside a paste.
        """
        if not self.in_paste:
            self._rest = ""

    def _sequence(self, sequence: str) -> None:
        if sequence == _PASTE_BEGINS:
            self.in_paste = True
        elif sequence == _PASTE_ENDS:
            self.in_paste = False
            self._pasted = not self._blank

    def _char(self, char: str) -> Key | None:
        if char in self._keys.interrupt and not (self.in_paste and char.isprintable()):
            return Key.INTERRUPT  # also inside a paste, as its end may never come
        if not self.in_paste and char in self._keys.editing:
            return self._edit(char)
        if char in "\r\n":
            if not self._blank:
                self._add("\n")
        elif char == "\t" or char.isprintable():
            self._add(char)
        return None

    def _edit(self, char: str) -> Key | None:
        keys = self._keys
        if char in keys.suspend:
            return Key.SUSPEND
        if char in keys.end:
            if self._blank:
                return Key.END
            self._ended = True
        elif char in keys.erase:
            self._keep(len(self._chars) - 1)
        elif char in keys.kill:
            self._keep(0)
        elif char in keys.word:
            end = len(self._chars)
            while end and self._chars[end - 1].isspace():
                end -= 1
            while end and not self._chars[end - 1].isspace():
                end -= 1
            self._keep(end)
        return None

    def _add(self, char: str) -> None:
        self._pasted = self._ended = False
        if len(self._chars) < LONGEST:
            self._chars.append(char)
            self._blank = self._blank and char.isspace()

    def _keep(self, count: int) -> None:
        del self._chars[max(count, 0) :]
        self._blank = not "".join(self._chars).strip()
        self._pasted = self._ended = False
