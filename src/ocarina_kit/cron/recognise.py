"""Reads a shell command line: which refreshes it runs, with which program and set-up, and what else it does. Pure.

No shell: words, quotes, variables and operators, with a short table of what people put before a program. What is not
understood counts as other work, and a line with other work is left alone. Linear, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from posixpath import basename, isabs, join, normpath
from typing import NamedTuple

_WORD = r"""(?:[^\s;&|()<>'"\\`]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+"""
_TOKEN = re.compile(
    rf"""(?P<blank>[ \t\r\f\v]+|\\\n)
      | (?P<comment>\#[^\n]*)
      | (?P<redirect>(?:[0-9]*(?:<<<|<<-?|<>|[<>]&|>\||>>|[<>])|&>>?)[ \t]*(?:{_WORD})?)
      | (?P<operator>&&|\|\||;;&?|;&|\|&|[;&|()\n`])
      | (?P<word>{_WORD})""",
    re.X | re.S,
)
_PART = re.compile(
    r"""\\(?P<escaped>.)|'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<plain>[^\\'"]+)""", re.S
)
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOLLAR = re.compile(
    rf"\\(?P<escaped>[\"\\$`])|\$(?:(?P<bare>{_NAME})|\{{(?P<braced>{_NAME})(?::?-(?P<default>[^}}]*))?\}})"
)
_TILDE = re.compile(rf"\A((?:{_NAME}=)?)~(?=/|\Z)")
_ASSIGNMENT = re.compile(rf"({_NAME})\+?=")
_WHICH = re.compile(r"(?:\$\(|`)[ ]*(?:which|command[ ]+-v|type[ ]+-[pP])[ ]+([\w./~-]+)[ ]*[)`]")
_PLACEHOLDER = re.compile(r"\{YOUR_OCARINA_PATH\}(?:/.*)?")
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
_DEPTH = 6
_UNSET = "\0"
"""Before the name of a variable that cron does not set: no crontab line holds one."""

_RESERVED = frozenset("! { } if then else elif fi while until do done time coproc esac".split())
_SHELLS = frozenset("sh bash dash zsh ksh ash mksh fish csh tcsh script flock".split())
_ENVIRONMENTS = frozenset("conda mamba micromamba uv uvx pipx pixi poetry pipenv hatch pdm".split())
_BEFORE = _ENVIRONMENTS | frozenset(
    """env exec command builtin nice ionice timeout gtimeout nohup setsid stdbuf unbuffer chronic cronic
    run-one flock setlock taskset chrt numactl busybox systemd-cat caffeinate time""".split()
)
# They prepare a refresh or report on it; a line with others does work of its own.
_STAGE = frozenset(
    """cd echo printf export unset set source . test [ [[ true false : sleep date exit return logger mail mailx
    sendmail tee ts cat grep egrep fgrep tail head sed awk cut tr module ml umask ulimit trap wait break continue
    alias shopt hash type which declare typeset local readonly read shift let pwd hostname whoami id env mkdir touch
    chmod command pushd popd conda mamba micromamba spack pyenv for select function case in exec""".split()
)
_TAKES_VALUE = frozenset({"--profile", "--config", "--within", "--scope", "--for", "-m", "--metadata"})
_ASKS_ONLY = frozenset({"-h", "--help", "-v", "--version", "--print-config", "--dry-run"})
_TOOLS = {"ocarina": "client", "ocarina.client": "client", "ocarina-kit": "kit", "ocarina_kit": "kit"}


class Call(NamedTuple):
    """One refresh, by ``tool``: ``kit`` or ``client``. ``environ`` is what it sees.

    ``written`` is its program as in the line, ``path`` what the shell makes of it; ``starters`` are programs that start
    it. ``lookup`` says how cron finds it: ``absolute``, ``path`` (by PATH), ``folder`` (from the working folder),
    ``other`` (by what conda, uv, a start-up file or ``activate`` sets up) or ``placeholder`` (``{YOUR_OCARINA_PATH}``).
    ``config`` is the path of its configuration, None where that is unclear or the set-up comes from the environment;
    ``named``: it is not the default one. ``extra`` are words behind the refresh that it does not take: prose.
    """

    tool: str
    written: str
    path: str
    lookup: str
    starters: tuple[str, ...]
    profile: str | None
    config: str | None
    named: bool
    environ: Mapping[str, str]
    extra: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()


class Reading(NamedTuple):
    """What a command line does. ``complete`` is False where a quote is never closed. ``comment`` starts with ``#``."""

    calls: tuple[Call, ...] = ()
    other_work: tuple[str, ...] = ()
    complete: bool = True
    comment: str = ""
    comment_at: int | None = None


class _Word(NamedTuple):
    """``text`` is what the shell makes of what is ``written``; ``shown`` has ``$NAME`` for what cron does not set."""

    text: str
    written: str

    @property
    def name(self) -> str:
        return basename(self.text)

    @property
    def shown(self) -> str:
        return self.text.replace(_UNSET, "$")


def read_command(text: str, environ: Mapping[str, str]) -> Reading:
    """What the shell text does if it starts with these variables. Never raises."""
    reader = _Reader(environ)
    comment, at = reader.read(_WHICH.sub(r"\1", text), 0)
    return Reading(tuple(reader.calls), tuple(reader.other), reader.complete, comment, at)


class _Reader:
    """The state of one reading. A shell within the line (``bash -c``) has its own variables and shares the findings."""

    def __init__(self, environ: Mapping[str, str], around: _Reader | None = None) -> None:
        self.known = dict(environ)
        self.exported = set(environ)
        self.calls: list[Call] = around.calls if around else []
        self.other: list[str] = around.other if around else []
        self.set_up: bool = around.set_up if around else False
        self.folder: str = around.folder if around else ""
        self.starters: tuple[str, ...] = ()
        self.complete = True

    def read(self, text: str, depth: int) -> tuple[str, int | None]:
        """Returns the first comment and where it is."""
        words: list[_Word] = []
        comment: tuple[str, int | None] = ("", None)
        at = parentheses = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or depth > _DEPTH:  # a quote that is never closed, or a backslash at the end
                self.complete = text[at:] == "\\"
                break
            at, kind, piece = match.end(), match.lastgroup, match[0]
            if kind == "comment" and comment[1] is None:
                comment = (piece.rstrip(), match.start())
            elif kind == "word":
                words.append(self._word(piece))
            elif kind == "operator":
                parentheses += (piece == "(") - (piece == ")")
                if parentheses >= 0:
                    self._command(words, depth)
                parentheses, words = max(0, parentheses), []  # one too many ends a pattern of `case`
        self._command(words, depth)
        return comment

    def _word(self, written: str) -> _Word:
        texts: list[str] = []
        for part in _PART.finditer(written):
            text = part["plain"]
            if text is not None and not texts:
                text = _TILDE.sub(lambda match: match[1] + self.known.get("HOME", "~"), text)
            text = part["double"] if text is None else text
            texts.append((part["escaped"] or part["single"] or "") if text is None else self._expand(text))
        return _Word("".join(texts), written)

    def _expand(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name = match["bare"] or match["braced"]
            default = match["default"] if match["default"] is not None else f"{_UNSET}{name}"
            return match["escaped"] if name is None else self.known.get(name, default)

        return _DOLLAR.sub(value, text)

    def _command(self, words: list[_Word], depth: int) -> None:
        """One simple command: what prepares for others is noted, all else looked at for a refresh."""
        while words and words[0].written in _RESERVED:
            words = words[1:]
        changed: dict[str, str] = {}
        while words and (match := _ASSIGNMENT.match(words[0].written)):
            changed[match[1]] = words[0].text.partition("=")[2]
            words = words[1:]
        texts = [word.text for word in words]
        name = texts[0] if texts else ""
        if not words:
            self.known.update(changed)
        elif name == "export":
            pairs = [text.partition("=") for text in texts[1:]]
            self.known.update({each: value for each, equals, value in pairs if equals})
            self.exported.update(each for each, _, _ in pairs)
        elif name == "cd":
            self.folder = texts[-1] if texts[1:] else ""
        elif name in ("source", ".") or "activate" in texts or (name in ("module", "ml") and "load" in texts):
            self.set_up = True  # it may set PATH
        else:
            environ = {each: self.known[each] for each in self.exported if each in self.known}
            self._program(words, {**environ, **changed}, depth)

    def _program(self, words: list[_Word], environ: dict[str, str], depth: int) -> None:
        starters: list[_Word] = []
        name, second = words[0].name, words[1].text if words[1:] else ""
        for at, word in enumerate(words):
            rest, before = words[at + 1 :], words[at - 1].text if at else ""
            if (script := _script(word.name, rest)) is not None:
                inner = _Reader(environ, self)
                inner.set_up = self.set_up or re.match(r"-\w*[li]|--login", rest[0].text) is not None
                inner.starters = (*self.starters, *(each.shown for each in starters), word.shown)
                inner.read(script, depth + 1)
                self.complete = self.complete and inner.complete
                return
            python = bool(starters) and _PYTHON.fullmatch(starters[-1].name) is not None
            module = python and before == "-m"
            tool = "client" if _PLACEHOLDER.fullmatch(word.written) else _TOOLS.get(word.name)
            if tool is not None and second not in ("-v", "-V", "install"):
                program, around = (starters[-1], starters[:-1]) if module else (word, starters)
                if call := self._call(tool, rest, environ, program, around):
                    self.calls.append(call)
                    return
            if _PYTHON.fullmatch(word.name) or word.name in _BEFORE:
                starters.append(word)
            elif at == 0 or module or (python and before == "-c"):
                break  # another program
            if match := _ASSIGNMENT.match(word.text):
                environ[match[1]] = word.text[match.end() :]
            elif name == "env" and word.text in ("-i", "-", "--ignore-environment"):
                environ = {}
            elif name == "env" and before in ("-u", "--unset"):
                environ.pop(word.text, None)
        stage = name in _STAGE or "*" in name  # a pattern of `case`
        if not stage or (name in ("env", "exec", "command") and second not in ("", "-v", "-V")):
            self.other.append(words[0].shown)

    def _call(
        self,
        tool: str,
        words: Sequence[_Word],
        environ: Mapping[str, str],
        program: _Word,
        around: list[_Word],
    ) -> Call | None:
        """The refresh that these words ask a tool for; None where they ask for something else."""
        wanted = ["oauth", "refresh"] if tool == "client" else ["refresh"]
        options: dict[str, str] = {}
        plain: list[str] = []
        rest = iter([word.text for word in words])
        for text in rest:
            option, equals, value = text.partition("=")
            if option in _TAKES_VALUE and not equals:
                value = next(rest, "")
            if not option.startswith("-"):
                plain.append(text)
                continue
            options[option] = value
            if option == "--scopes":  # the client's takes all words behind it
                break
        if plain[: len(wanted)] != wanted or _ASKS_ONLY & options.keys():
            return None
        home = environ.get("HOME", "")
        named = (options.get("--config", "") if tool == "kit" else "") or environ.get("OCARINA_CONF_FILE", "")
        path = join(home, named[2:]) if tool == "kit" and named.startswith("~/") else named
        config = normpath(join(home, self.folder, path or join(home, ".ocarina")))
        unclear = "--env" in options or not home or _UNSET in config
        return Call(
            tool,
            program.written,
            *self._found(program, around),
            (*self.starters, *(each.shown for each in around)),
            options.get("--profile") or None,
            None if unclear else config,
            bool(named),
            environ,
            tuple(plain[len(wanted) :]),
            frozenset(options),
        )

    def _found(self, program: _Word, around: Sequence[_Word]) -> tuple[str, str]:
        """The path of a program, and how cron finds it."""
        path = program.shown
        if _PLACEHOLDER.fullmatch(program.written):
            return path, "placeholder"
        if isabs(path):
            return path, "absolute"
        if "/" in path:
            known = isabs(self.folder) and path[0] not in "~$"
            return normpath(join(self.folder, path)).replace(_UNSET, "$") if known else path, "folder"
        return path, "other" if self.set_up or any(each.name in _ENVIRONMENTS for each in around) else "path"


def _script(name: str, words: Sequence[_Word]) -> str | None:
    """The shell text behind ``eval``, and behind a shell's ``-c``, ``-lc``, ``-qc``."""
    if name == "eval" and words:
        return " ".join(each.text for each in words)
    for option, script in pairwise(words) if name in _SHELLS else ():
        if re.fullmatch(r"-[A-Za-z]*c|--command", option.text):
            return script.text
    return None
