"""A tolerant reader of one line of shell: which simple commands stand in it, with their words and variables.

It runs nothing and judges nothing. It reads what a person may put into a crontab (lists, pipes, groups,
conditions, loops, ``case``, substitutions, redirections, quotes) after POSIX.1-2017, XCU 2, and goes on as well as
it can where the text is no valid shell. Linear in the length of the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_DEPTH = 8
"""Scripts within scripts (``bash -c "…$(…)…"``) are followed this far."""


@dataclass(frozen=True)
class Word:
    """One word after the shell's quoting and, as far as the variables are known, its expansion.

    ``text`` keeps what could not be expanded as it was written; ``unknown`` names the variables (``X`` for
    ``$X``) or says ``$(…)``. ``quoted_tilde``: it starts with a ``~`` that the shell will not expand.
    ``substitutions`` are the scripts inside ``$(…)`` and backquotes.
    """

    text: str
    written: str
    unknown: tuple[str, ...] = ()
    quoted_tilde: bool = False
    substitutions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """One simple command: its assignments before the first word, its words, and the variables that it would see.

    ``environment`` holds the exported variables, assignments included; ``uncertain`` names those whose value holds
    something unknown. ``directory`` is the last ``cd`` before it, as written.
    """

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...]
    environment: Mapping[str, str]
    uncertain: frozenset[str] = frozenset()
    directory: str | None = None


@dataclass(frozen=True)
class Script:
    commands: tuple[Command, ...]
    whole: bool
    """False where a quote or a substitution is never closed: a shell would refuse the line."""
    comment: str | None = None
    """What stands behind an unquoted ``#``, with the ``#``."""
    comment_at: int | None = None
    """Where in the text that ``#`` stands."""


@dataclass
class _Scope:
    known: dict[str, str]
    exported: set[str] = field(default_factory=set)
    uncertain: set[str] = field(default_factory=set)
    directory: str | None = None

    def environment(self) -> dict[str, str]:
        return {name: self.known[name] for name in self.exported if name in self.known}


_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|[;&|()\n]")
_REDIRECTION = re.compile(r"\d*(?:<<<|<<-?|<>|<&|<|>>|>&|>\||>)|&>>?")
_RESERVED = frozenset(
    {"!", "{", "}", "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "time", "coproc"}
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_PLAIN = re.compile(r"[^\s;&|()<>'\"\\$`~#]+")
_SPECIAL_IN_DOUBLE = re.compile(r'["\\$`]')
_ENDS = frozenset(" \t\n;&|()<>")


def read_script(text: str, environment: Mapping[str, str]) -> Script:
    """Reads ``text`` as a shell would that starts with these variables, all of them exported. Never raises."""
    scope = _Scope(dict(environment), set(environment))
    return _Reader(text, scope).read()


class _Reader:
    def __init__(self, text: str, scope: _Scope) -> None:
        self.text = text
        self.at = 0
        self.scope = scope
        self.whole = True
        self.comment: str | None = None
        self.comment_at: int | None = None
        self.commands: list[Command] = []
        self.words: list[Word] = []
        self.assignments: list[tuple[str, Word]] = []

    def read(self) -> Script:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t":
                self.at += 1
            elif char == "#":
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                if self.comment is None:
                    self.comment, self.comment_at = self.text[self.at : end], self.at
                self.at = end
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif (redirection := _REDIRECTION.match(self.text, self.at)) is not None:
                self._redirect(redirection)
            elif (operator := _OPERATOR.match(self.text, self.at)) is not None:
                self.at = operator.end()
                self._finish()
            else:
                self._take(self._word())
        self._finish()
        return Script(tuple(self.commands), self.whole, self.comment, self.comment_at)

    def _redirect(self, match: re.Match[str]) -> None:
        self.at = match.end()
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        if self.at < len(self.text) and self.text[self.at] not in _ENDS:
            self._word()

    def _take(self, word: Word) -> None:
        if self.words:
            self.words.append(word)
            return
        written = word.written
        if not self.assignments:
            if written in _RESERVED:
                return
            if written in {"for", "select", "function"}:
                self._skip_head()
                return
            if written == "case":
                self._skip_to_pattern()
                return
            if written == "esac":
                return
            if written == "[[":
                self._skip_condition()
                return
        if (match := _ASSIGNMENT.match(written)) is not None:
            value = word.text.partition("=")[2]
            self.assignments.append(
                (match[1], Word(value, written[match.end() :], word.unknown, False, word.substitutions))
            )
            return
        self.words.append(word)

    def _skip_head(self) -> None:
        """``for x in a b c;``: up to the ``do``, which is left for the reader."""
        match = re.compile(r"[;\n]|\bdo\b|\{").search(self.text, self.at)
        self.at = len(self.text) if match is None else match.start()

    def _skip_to_pattern(self) -> None:
        """``case WORD in``: the first pattern is skipped like all others, by :meth:`_skip_patterns`."""
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        if self.at < len(self.text) and self.text[self.at] not in _ENDS:
            self._word()
        match = re.compile(r"\s*in\b").match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            self._skip_patterns()

    def _skip_patterns(self) -> None:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t\n(|":
                self.at += 1
            elif char == ")":
                self.at += 1
                return
            elif char in _ENDS or self._word().written == "esac":
                return

    def _skip_condition(self) -> None:
        end = self.text.find("]]", self.at)
        self.at = len(self.text) if end < 0 else end + 2

    def _finish(self) -> None:
        words, assignments = tuple(self.words), tuple(self.assignments)
        self.words, self.assignments = [], []
        pattern_follows = self.text.endswith((";;", ";&", ";;&"), 0, self.at)
        if words or assignments:
            environment = self.scope.environment()
            environment.update((name, word.text) for name, word in assignments)
            uncertain = self.scope.uncertain | {name for name, word in assignments if word.unknown}
            command = Command(words, assignments, environment, frozenset(uncertain), self.scope.directory)
            self.commands.append(command)
            self._remember(command)
        if pattern_follows:
            self._skip_patterns()

    def _remember(self, command: Command) -> None:
        if not command.words:
            for name, word in command.assignments:
                self._set(name, word)
            return
        first, rest = command.words[0].text, command.words[1:]
        if first in {"export", "declare", "typeset", "local", "readonly"}:
            for word in rest:
                if (match := _ASSIGNMENT.match(word.text)) is not None:
                    value = Word(word.text[match.end() :], "", word.unknown)
                    self._set(match[1], value)
                    word_name = match[1]
                else:
                    word_name = word.text
                if first == "export" and _NAME.fullmatch(word_name):
                    self.scope.exported.add(word_name)
        elif first == "unset":
            for word in rest:
                self.scope.known.pop(word.text, None)
                self.scope.exported.discard(word.text)
        elif first == "cd" and rest:
            self.scope.directory = rest[-1].text

    def _set(self, name: str, word: Word) -> None:
        self.scope.known[name] = word.text
        if word.unknown:
            self.scope.uncertain.add(name)
        else:
            self.scope.uncertain.discard(name)

    # -- words ---------------------------------------------------------------------------------------------

    def _word(self) -> Word:
        start = self.at
        out: list[str] = []
        unknown: list[str] = []
        scripts: list[str] = []
        quoted_tilde = False
        while self.at < len(self.text):
            char = self.text[self.at]
            if (plain := _PLAIN.match(self.text, self.at)) is not None:
                out.append(plain[0])
                self.at = plain.end()
            elif char in _ENDS:
                break
            elif char == "\\":
                quoted_tilde |= not out and self.text.startswith("\\~", self.at)
                out.append(self.text[self.at + 1 : self.at + 2].rstrip("\n"))  # a line goes on behind "\\\n"
                self.at += 2
            elif char == "'":
                part = self._single()
                quoted_tilde |= not out and part.startswith("~")
                out.append(part)
            elif char == '"':
                quoted_tilde |= not out and self.text.startswith('"~', self.at)
                self._double(out, unknown, scripts)
            elif char in "$`":
                self._expand(out, unknown, scripts, quoted=False)
            elif char == "~" and self._tilde_stands(start):
                self.at += 1
                out.append(self._home(unknown))
            else:
                out.append(char)
                self.at += 1
        if self.at == start:  # a stray character that starts no word: never stand still
            self.at += 1
        return Word("".join(out), self.text[start : self.at], tuple(unknown), quoted_tilde, tuple(scripts))

    def _tilde_stands(self, start: int) -> bool:
        """At the start of a word, or of an assignment's value; followed by a slash or nothing."""
        after = self.text[self.at + 1 : self.at + 2]
        if after and after != "/" and after not in _ENDS and after != ":":
            return False
        before = self.text[start : self.at]
        return not before or (
            before[-1] in "=:" and _ASSIGNMENT.match(before) is not None and "'" not in before
        )

    def _home(self, unknown: list[str]) -> str:
        if "HOME" in self.scope.known:
            return self.scope.known["HOME"]
        unknown.append("HOME")
        return "~"

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            self.whole = False
            end = len(self.text)
        part = self.text[self.at + 1 : end]
        self.at = end + 1
        return part

    def _double(self, out: list[str], unknown: list[str], scripts: list[str]) -> None:
        self.at += 1
        out.append("")
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in {'"', "\\", "$", "`", "\n"}:
                out.append(self.text[self.at + 1])
                self.at += 2
            elif char in "$`":
                self._expand(out, unknown, scripts, quoted=True)
            else:
                special = _SPECIAL_IN_DOUBLE.search(self.text, self.at + 1)
                end = len(self.text) if special is None else special.start()
                out.append(self.text[self.at : end])
                self.at = end
        self.whole = False

    def _expand(self, out: list[str], unknown: list[str], scripts: list[str], *, quoted: bool) -> None:
        text, at = self.text, self.at
        if text[at] == "`":
            end = text.find("`", at + 1)
            end = self._unclosed(end)
            self._substitute(text[at : end + 1], text[at + 1 : end], out, unknown, scripts)
        elif text.startswith("$((", at):
            end = self._unclosed(text.find("))", at))
            out.append(text[at : end + 2])
            unknown.append("$((…))")
            self.at = end + 2
        elif text.startswith("$(", at):
            end = self._closing(at + 2)
            self._substitute(text[at : end + 1], text[at + 2 : end], out, unknown, scripts)
        elif text.startswith("${", at):
            end = self._unclosed(text.find("}", at))
            self.at = end + 1
            self._parameter(text[at + 2 : end], text[at : end + 1], out, unknown)
        elif (name := _NAME.match(text, at + 1)) is not None:
            self.at = name.end()
            self._parameter(name[0], "$" + name[0], out, unknown)
        elif not quoted and text.startswith(("$'", '$"'), at):
            self.at += 1  # the dollar sign belongs to the quote
        else:
            # A lone dollar sign, or a parameter such as $? that is known only at run time.
            end = at + 2 if text[at + 1 : at + 2] in set("?$!#@*-0123456789") - {""} else at + 1
            out.append(text[at:end])
            self.at = end

    def _substitute(
        self, written: str, script: str, out: list[str], unknown: list[str], scripts: list[str]
    ) -> None:
        self.at += max(1, len(written))
        out.append(written)
        unknown.append("$(…)")
        scripts.append(script)

    def _parameter(self, inside: str, written: str, out: list[str], unknown: list[str]) -> None:
        match = re.match(r"([A-Za-z_][A-Za-z0-9_]*)(?::?([-=])(.*))?$", inside, re.S)
        if match is not None and self.scope.known.get(match[1]) is not None:
            out.append(self.scope.known[match[1]])
        elif match is not None and match[2]:
            out.append(match[3])
        else:
            out.append(written)
            unknown.append(match[1] if match is not None else inside)

    def _unclosed(self, end: int) -> int:
        if end < 0:
            self.whole = False
            return len(self.text)
        return end

    def _closing(self, start: int) -> int:
        """The ``)`` that closes ``$(``: quotes and inner parentheses are stepped over."""
        depth, at = 1, start
        for match in _CLOSING.finditer(self.text, start):
            at = match.start()
            if match[0] == "(":
                depth += 1
            elif match[0] == ")":
                depth -= 1
                if not depth:
                    return at
        self.whole = False
        return len(self.text)


_CLOSING = re.compile(r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*"|[()]""", re.S)


def substitutions(command: Command) -> Iterator[str]:
    """The scripts that run inside a command's words and assignments."""
    for _, value in command.assignments:
        yield from value.substitutions
    for word in command.words:
        yield from word.substitutions
