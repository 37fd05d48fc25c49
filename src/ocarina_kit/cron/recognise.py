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
      | (?P<operator>[;&|()\n`])
      | (?P<word>{_WORD})""",
    re.X | re.S,
)
_PART = re.compile(
    r"""\\(?P<escaped>.)|'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<plain>[^\\'"]+)""", re.S
)
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOLLAR = re.compile(rf"\\(?P<escaped>[\"\\$`])|\$(?P<brace>\{{)?(?P<name>{_NAME})(?(brace)\}})")
_TILDE = re.compile(rf"\A((?:{_NAME}=)?)~(?=/|\Z)")
_ASSIGNMENT = re.compile(rf"({_NAME})=")
_WHICH = re.compile(
    r"(?:\$\(|`)[ ]*(?:(?:which|command[ ]+-v|type[ ]+-[pP])[ ]+([\w./~-]+)[ ]*|(date)\b[^()`]*)[)`]"
)
PLACEHOLDER = "{YOUR_OCARINA_PATH}"
"""What the guide's line has in place of the client's path, or of its folder's."""
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")

_RESERVED = frozenset("! { } if then else elif fi while until do done time coproc esac".split())
_SHELLS = frozenset("sh bash dash zsh ksh ash mksh fish csh tcsh script flock".split())
_ENVIRONMENTS = frozenset("conda mamba micromamba uv uvx pipx pixi poetry pipenv hatch pdm".split())
_BARE = frozenset("env exec command".split())
_STARTERS = """builtin nice ionice timeout gtimeout nohup setsid stdbuf unbuffer chronic cronic run-one flock setlock
    taskset chrt numactl busybox systemd-cat caffeinate time"""
_BEFORE = _ENVIRONMENTS | _BARE | frozenset(_STARTERS.split())
# They prepare a refresh or report on it; a line with others does work of its own.
_STAGE = _BARE | frozenset(
    """cd echo printf unset set test [ [[ true false : sleep date exit return logger mail mailx sendmail tee ts cat grep
    egrep fgrep tail head sed awk cut tr module ml umask ulimit trap wait break continue alias shopt hash type which
    declare typeset local readonly read shift let pwd hostname whoami id mkdir touch chmod pushd popd conda mamba
    micromamba spack pyenv for select function case in""".split()
)
_TAKES_VALUE = frozenset({"--profile", "--config", "--within", "--scope", "--for", "-m", "--metadata"})
_ASKS_ONLY = frozenset({"-h", "--help", "-v", "--version", "--print-config", "--dry-run"})
_TOOLS = {"ocarina": "client", "ocarina.client": "client", "ocarina-kit": "kit", "ocarina_kit": "kit"}


class Call(NamedTuple):
    """One refresh, by ``tool``: ``kit`` or ``client``. ``environ`` is what it sees; ``options`` are its options' names.

    ``path`` is its program, as the shell finds it in the line; ``starters`` are programs that start it. ``set_up``:
    what conda, uv, a start-up file or ``activate`` sets up says where its program is, if it is a bare name. ``config``
    is the path of its configuration, None where the set-up comes from the environment.
    """

    tool: str
    path: str
    starters: tuple[str, ...]
    set_up: bool
    profile: str | None
    config: str | None
    environ: Mapping[str, str]
    options: frozenset[str]


class Reading(NamedTuple):
    """What a command line does. ``complete`` is False where a quote is never closed. ``comment`` starts with ``#``."""

    calls: tuple[Call, ...] = ()
    other_work: tuple[str, ...] = ()
    complete: bool = True
    comment: str = ""


def read_command(text: str, environ: Mapping[str, str]) -> Reading:
    """What the shell text does if it starts with these variables. Never raises."""
    shell = _Shell(environ)
    comment = shell.read(_WHICH.sub(r"\1\2", text))
    return Reading(tuple(shell.calls), tuple(shell.other), shell.complete, comment)


class _Shell:
    """The state of one reading. A shell within the line (``bash -c``) has its own variables and shares the findings."""

    def __init__(self, environ: Mapping[str, str], around: _Shell | None = None) -> None:
        self.known = dict(environ)
        self.exported = set(environ)
        self.calls: list[Call] = around.calls if around else []
        self.other: list[str] = around.other if around else []
        self.starters: tuple[str, ...] = ()
        self.set_up: bool = around is not None and around.set_up
        self.folder: str = around.folder if around else ""
        self.complete = True

    def read(self, text: str) -> str:
        """Returns the first comment."""
        words: list[str] = []
        comment, at = "", 0
        while match := _TOKEN.match(text, at):
            at = match.end()
            if match["comment"]:
                comment = comment or match[0].rstrip()
            elif match["word"]:
                words.append(self._word(match[0]))
            elif match["operator"]:
                self._command(words)
                words = []
        self.complete = text[at:] in ("", "\\")  # if not: a quote that is never closed
        self._command(words)
        return comment

    def _word(self, written: str) -> str:
        """What the shell makes of a word."""

        def expanded(match: re.Match[str]) -> str:
            return match["escaped"] or self.known.get(match["name"], "")

        def unquoted(part: re.Match[str]) -> str:
            literal = part["escaped"] or part["single"]
            return literal or _DOLLAR.sub(expanded, part["double"] or part["plain"] or "")

        return _PART.sub(unquoted, _TILDE.sub(r"\1${HOME}", written))

    def _command(self, words: list[str]) -> None:
        """One simple command: what prepares for others is noted, all else looked at for a refresh."""
        while words and words[0] in _RESERVED:
            words = words[1:]
        assigned: dict[str, str] = {}
        while words and (match := _ASSIGNMENT.match(words[0])):
            assigned[match[1]] = words[0][match.end() :]
            words = words[1:]
        if not words:
            self.known.update(assigned)
        elif words[0] == "export":
            for name, equals, value in (word.partition("=") for word in words[1:]):
                self.exported.add(name)
                self.known.update({name: value} if equals else {})
        elif words[0] == "cd":
            self.folder = words[-1] if words[1:] else ""
        elif words[0] in ("source", ".", "module", "ml") or "activate" in words:
            self.set_up = True  # it may set PATH
        else:
            environ = {name: value for name, value in self.known.items() if name in self.exported}
            self._program(words, {**environ, **assigned})

    def _program(self, words: list[str], environ: dict[str, str]) -> None:
        """A program, behind those that start it."""
        starters: list[str] = []
        first, second = basename(words[0]), words[1] if words[1:] else ""
        for at, word in enumerate(words):
            name, rest, before = basename(word), words[at + 1 :], words[at - 1] if at else ""
            if (script := _script(name, rest)) is not None:
                inner = _Shell(environ, self)
                inner.starters = (*self.starters, *starters, word)
                inner.set_up |= re.match(r"-\w*[li]|--login", rest[0]) is not None
                inner.read(script)
                self.complete = self.complete and inner.complete
                return
            tool = "client" if word.startswith(PLACEHOLDER) else _TOOLS.get(name)
            if tool is not None and second not in ("-v", "-V", "install"):
                around = starters[:-1] if before == "-m" else starters
                path = starters[-1] if before == "-m" and starters else word
                if call := self._call(tool, path, rest, environ, around):
                    self.calls.append(call)
                    return
            by_python = bool(starters) and _PYTHON.fullmatch(basename(starters[-1])) is not None
            if _PYTHON.fullmatch(name) or name in _BEFORE:
                starters.append(word)
            elif at == 0 or (by_python and before in ("-m", "-c")):
                break  # another program
            if match := _ASSIGNMENT.match(word):
                environ[match[1]] = word[match.end() :]
            elif first == "env" and word in ("-i", "-"):
                environ = {}
        # `command -v x` and `exec 2>log` run nothing.
        if first not in _STAGE or (first in _BARE and second not in ("", "-v", "-V")):
            self.other.append(words[0])

    def _call(
        self, tool: str, path: str, words: Sequence[str], environ: Mapping[str, str], around: Sequence[str]
    ) -> Call | None:
        """The refresh that these words ask a tool for; None where they ask for something else, or go on as prose."""
        options: dict[str, str] = {}
        plain: list[str] = []
        rest = iter(filter(None, words))
        for word in rest:
            option, equals, value = word.partition("=")
            if not option.startswith("-"):
                plain.append(word)
                continue
            options[option] = next(rest, "") if option in _TAKES_VALUE and not equals else value
            if option == "--scopes":  # the client's takes all words behind it
                break
        if (
            plain != (["oauth", "refresh"] if tool == "client" else ["refresh"])
            or _ASKS_ONLY & options.keys()
        ):
            return None
        home, config = environ.get("HOME", ""), environ.get("OCARINA_CONF_FILE", "")
        if tool == "kit":
            config = options.get("--config") or config
            config = join(home, config[2:]) if config.startswith("~/") else config
        config = normpath(join(home, self.folder, config or join(home, ".ocarina")))
        if "/" in path and isabs(self.folder) and path[0] != "~":
            path = normpath(join(self.folder, path))
        return Call(
            tool,
            path,
            (*self.starters, *around),
            self.set_up or any(basename(each) in _ENVIRONMENTS for each in around),
            options.get("--profile") or None,
            None if "--env" in options or "HOME" not in environ else config,
            environ,
            frozenset(options),
        )


def _script(name: str, words: Sequence[str]) -> str | None:
    """The shell text behind a shell's ``-c``, ``-lc``, ``-qc``."""
    for option, script in pairwise(words) if name in _SHELLS else ():
        if re.fullmatch(r"-[A-Za-z]*c|--command", option):
            return script
    return None
