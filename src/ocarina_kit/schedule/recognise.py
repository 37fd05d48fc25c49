"""Reads a shell command line: which refreshes it runs, with which program and set-up, and what else it does. Pure.

No shell: words, quotes, variables and operators, with a short table of what people put before a program. What is not
understood counts as other work, and an entry with other work is left alone. Linear, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from posixpath import basename, isabs, join, normpath
from typing import NamedTuple

_PIECE = re.compile(
    r"""(?P<blank>[ \t\r\f\v]+|\\\n)
      | (?P<comment>\#[^\n]*)
      | (?P<redirect>[0-9]*[<>]+[&|]?|&>+)
      | (?P<operator>[;&|()\n`])
      | \\(?P<escaped>.)
      | '(?P<single>[^']*)'
      | "(?P<double>(?:[^"\\]|\\.)*)"
      | (?P<open>['"][^\n]*)
      | (?P<plain>[^\s;&|()<>'"\\`]+)""",
    re.X | re.S,
)
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOLLAR = re.compile(
    rf"\\(?P<escaped>[\"\\$`])|\$(?P<brace>\{{)?(?P<name>{_NAME})(?(brace)\}})"
)
_TILDE = re.compile(rf"\A((?:{_NAME}=)?)~(?=/|\Z)")
_ASSIGNMENT = re.compile(rf"({_NAME})=")
_WHICH = re.compile(
    r"(?:\$\(|`)[ ]*(?:(?:which|command[ ]+-v|type[ ]+-[pP])[ ]+([\w./~-]+)[ ]*"
    r"|(date|hostname|uname|shuf)\b[^()`]*)[)`]|\$\(\([^()]*\)\)"
)
PLACEHOLDER = "{YOUR_OCARINA_PATH}"
"""What the guide's line has in place of the client's path, or of its folder's."""
# The same in other brackets, or none, and a path put inside the braces.
_PLACEHOLDERS = re.compile(
    r"\$?(?:[{<\[]+ *YOUR_OCARINA_PATH *[}>\]]+|YOUR_OCARINA_PATH)|\{[/~$][^{}\s]*\}"
)
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")

_RESERVED = frozenset(
    "! { } if then else elif fi while until do done time coproc esac".split()
)
_SHELLS = frozenset(
    "sh bash dash zsh ksh ash mksh fish csh tcsh script flock sg su runuser".split()
)
ENVIRONMENTS = frozenset(
    "conda mamba micromamba uv uvx pipx pixi poetry pipenv hatch pdm".split()
)
_BARE = frozenset("env exec command".split())
BUILT_IN = frozenset("exec command builtin eval time".split())
_STARTERS = """builtin nice ionice timeout gtimeout nohup setsid stdbuf unbuffer chronic cronic run-one flock setlock
    taskset chrt numactl busybox systemd-cat caffeinate time"""
_BEFORE = ENVIRONMENTS | _BARE | frozenset(_STARTERS.split())
# They prepare a refresh or report on it; an entry with others does work of its own.
_STAGE = _BARE | frozenset(
    """cd echo printf unset set test [ [[ true false : sleep date exit return logger mail mailx sendmail tee ts cat grep
    egrep fgrep tail head sed awk cut tr module ml umask ulimit trap wait break continue alias shopt hash type which
    declare typeset local readonly read shift let pwd hostname whoami id mkdir touch chmod pushd popd conda mamba
    micromamba spack pyenv for select function case in""".split()
)
_NO_STARTERS = _STAGE | _SHELLS | {"ssh", "pgrep", "pkill", "ps"}
_TAKES_VALUE = frozenset(
    {"--profile", "--config", "--within", "--scope", "--for", "-m", "--metadata"}
)
KIT_OPTIONS = _TAKES_VALUE - {"-m", "--metadata"} | {
    "--cron",
    "--env",
    "--json",
    "--dry-run",
}
_ASKS_ONLY = frozenset(
    {"-h", "--help", "-v", "--version", "--print-config", "--dry-run"}
)
_TOOLS = {
    "ocarina": "client",
    "ocarina.client": "client",
    "ocarina-kit": "kit",
    "ocarina_kit": "kit",
}


class Call(NamedTuple):
    """One refresh, by ``tool``: ``kit`` or ``client``. ``environ`` is what it sees; ``options`` are its options' names.

    ``path`` is its program, as the shell finds it in the line; ``starters`` are programs that start it. ``set_up``:
    what may set PATH before it, so that a bare name is found: a file that is read, as written, or an option of the
    shell; "" if nothing does. ``config`` is the path of its configuration, None if the set-up comes from the
    environment.
    """

    tool: str
    path: str
    starters: tuple[str, ...]
    set_up: str
    profile: str | None
    config: str | None
    environ: Mapping[str, str]
    options: frozenset[str]


class Reading:
    """What a command line does if ``shell``, else $SHELL, starts it with the variables of ``environ``. Never raises.

    ``calls`` are the refreshes; ``other_work`` are programs that have nothing to do with them. ``complete`` is False
    if a quote is never closed. ``comment``, the first one, starts with ``#``. ``bash_only``:
    commands that dash lacks.
    """

    def __init__(self, text: str, environ: Mapping[str, str], shell: str = "") -> None:
        self.calls: list[Call] = []
        self.other_work: list[str] = []
        self.complete = True
        self.comment = ""
        self.bash_only: list[str] = []
        self._known = dict(environ)
        self._exported = set(environ)
        self._folder = ""
        by_bash = (
            basename(shell or environ.get("SHELL", "")) == "bash"
        )  # others do not read it
        self._set_up = environ.get("BASH_ENV", "") if by_bash else ""
        self._read(_PLACEHOLDERS.sub(PLACEHOLDER, _WHICH.sub(r"\1\2", text)))

    def _read(self, text: str) -> None:
        words: list[str] = []
        word: str | None = None
        redirected = False
        for piece in _PIECE.finditer(
            f"{text}\n\n"
        ):  # the first may belong to a backslash
            kind = piece.lastgroup
            if kind in ("escaped", "single", "double", "plain"):
                word = (word or "") + self._expanded(
                    kind, piece[kind], begins=word is None
                )
                continue
            if word is not None:
                words += [word] if word and not redirected else []
                word, redirected = None, False
            if kind == "operator":
                self._command(words)
                words, redirected = [], False
            elif kind == "redirect":
                redirected = True
            elif kind == "comment":
                self.comment = self.comment or piece[0].rstrip()
            elif kind == "open":
                self.complete = False

    def _expanded(self, kind: str, text: str, *, begins: bool) -> str:
        """What the shell makes of a piece of a word."""
        if kind in ("escaped", "single"):
            return text
        if kind == "plain" and begins:
            text = _TILDE.sub(r"\1${HOME}", text)
        return _DOLLAR.sub(
            lambda found: found["escaped"] or self._known.get(found["name"], ""), text
        )

    def _command(self, words: list[str]) -> None:
        """One simple command: what prepares for others is noted, all else looked at for a refresh."""
        while words and words[0] in _RESERVED:
            words = words[1:]
        self.bash_only += [word for word in words[:1] if word in ("source", "[[")]
        assigned: dict[str, str] = {}
        while words and (match := _ASSIGNMENT.match(words[0])):
            assigned[match[1]] = words[0][match.end() :]
            words = words[1:]
        if not words:
            self._known.update(assigned)
        elif words[0] == "export":
            for name, equals, value in (word.partition("=") for word in words[1:]):
                self._exported.add(name)
                self._known.update({name: value} if equals else {})
        elif words[0] == "unset":
            self._exported.difference_update(words[1:])
        elif words[0] == "cd":
            self._folder = words[-1] if words[1:] else ""
        elif words[0] in ("source", ".") or " ".join(words).startswith(
            ("eval $", "eval `")
        ):
            # Without one of these, a job has no `module` and no `conda activate`.
            # The path of a second one may be from the first.
            self._set_up = words[1] if words[1:] and not self._set_up else words[0]
        else:
            environ = {
                name: value
                for name, value in self._known.items()
                if name in self._exported
            }
            self._program(words, {**environ, **assigned})

    def _program(self, words: list[str], environ: dict[str, str]) -> None:
        """A program, behind those that start it. One that is not known may start it too, and does its own work."""
        starters, strange = list[str](), list[str]()
        first = basename(words[0])
        if words[:2] in (["command", "-v"], ["command", "-V"]):
            return
        for at, word in enumerate(words):
            name, rest = basename(word), words[at + 1 :]
            for option, script in pairwise(rest) if name in _SHELLS else ():
                if re.fullmatch(r"-[A-Za-z]*c|--command", option):  # sh -c '…'
                    self._inner(script, environ, [*starters, word], rest[0])
                    return
            tool = "client" if PLACEHOLDER in word else _TOOLS.get(name)
            if tool:
                by_module = starters and words[at - 1] == "-m"
                path = starters.pop() if by_module else word
                if call := self._call(tool, path, rest, environ, starters):
                    self.calls.append(call)
                    self.other_work += strange
                    return
            if _PYTHON.fullmatch(name) or name in _BEFORE:
                starters.append(word)
            elif at == 0 and name in _NO_STARTERS:
                break  # not taken to start what is behind it
            elif at == 0:
                starters = [word]
                # A column too many, as /etc/crontab has, is a mistake and no work.
                strange = (
                    [] if word in ("*", "root", environ.get("LOGNAME")) else [word]
                )
            if match := _ASSIGNMENT.match(word):
                environ[match[1]] = word[match.end() :]
        # `exec 2>log` runs nothing.
        if first not in _STAGE or (first in _BARE and words[1:]):
            self.other_work.append(words[0])

    def _inner(
        self,
        script: str,
        environ: Mapping[str, str],
        starters: Sequence[str],
        option: str,
    ) -> None:
        """A shell within the line. As a login or an interactive one it reads start-up files, which may set PATH."""
        inner = Reading(script, environ, starters[-1])
        set_up = option if re.match(r"-\w*[li]|--login", option) else self._set_up
        for call in inner.calls:
            by = (*starters, *call.starters)
            self.calls.append(call._replace(starters=by, set_up=call.set_up or set_up))
        self.other_work += inner.other_work
        self.complete = self.complete and inner.complete

    def _call(
        self,
        tool: str,
        path: str,
        words: Sequence[str],
        environ: Mapping[str, str],
        around: Sequence[str],
    ) -> Call | None:
        """The refresh that these words ask a tool for; None if they ask for something else, or go on as prose."""
        options: dict[str, str] = {}
        plain: list[str] = []
        rest = iter(words)
        for word in rest:
            option, equals, value = word.partition("=")
            if not option.startswith("-"):
                plain.append(word)
                continue
            options[option] = (
                next(rest, "") if option in _TAKES_VALUE and not equals else value
            )
            if option == "--scopes":  # the client's takes all words behind it
                break
        wanted = ["oauth", "refresh"] if tool == "client" else ["refresh"]
        if plain != wanted or _ASKS_ONLY & options.keys():
            return None
        home, config = environ.get("HOME", ""), environ.get("OCARINA_CONF_FILE", "")
        if tool == "kit":
            config = options.get("--config") or config
            config = join(home, config[2:]) if config.startswith("~/") else config
        config = normpath(join(home, self._folder, config or join(home, ".ocarina")))
        if "/" in path and isabs(self._folder) and path[0] != "~":
            path = normpath(join(self._folder, path))
        profile = options.get("--profile") or None
        file = None if "--env" in options or "HOME" not in environ else config
        return Call(
            tool,
            path,
            tuple(around),
            self._set_up,
            profile,
            file,
            environ,
            frozenset(options),
        )
