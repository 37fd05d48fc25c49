"""Reads a shell command: which refreshes it runs, and what else it does. Pure.

This is no shell. It understands what people usually put around a refresh:

- commands between ``&&``, ``||``, ``;`` and ``|``, with redirections
- ``NAME=value``, ``export``, ``cd``, and ``source`` or ``.`` of a file
- programs that start another one, as ``timeout`` and ``conda run``
- one ``sh -c`` or ``bash -lc``
- variables that the crontab or the command sets, ``$HOME`` and ``~``

A command that speaks of a refresh in any other form is unclear: nothing is known of it.
The time to read a command grows only linearly with its length.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from posixpath import basename, isabs, join, normpath
from typing import Literal, NamedTuple

Tool = Literal["kit", "client"]

PLACEHOLDER = "{YOUR_OCARINA_PATH}"
"""What the guide's line has in place of the client's path, or of its folder's."""
# The same in other brackets, or none, and a path put inside the braces.
_PLACEHOLDERS = re.compile(
    r"\$?(?:[{<\[]+ *YOUR_OCARINA_PATH *[}>\]]+|YOUR_OCARINA_PATH)|\{[/~$][^{}\s]*\}"
)
# Often in the name of a log, or in a pause of a random length.
_SUBSTITUTION = re.compile(r"\$\(\([^()`]*\)\)|\$\([^()`]*\)|`[^`]*`")
_UNKNOWN_VALUE = "$?"

ENVIRONMENTS = frozenset({"conda", "mamba", "micromamba"})
"""Programs that start another one in an environment, where they find it."""
# A column too many, as /etc/crontab has one, is a mistake in front of a refresh.
_EXTRA_COLUMNS = frozenset({"*", "root"})
_WRAPPERS = ENVIRONMENTS | _EXTRA_COLUMNS | {"env", "nice", "timeout", "flock"}
_PYTHON = re.compile(r"python[0-9.]*")
_BASH_ONLY = frozenset({"source", "[["})
_SHELLS = frozenset({"sh", "bash"})
_SCRIPT_OPTION = re.compile(r"-[A-Za-z]*c")
# A login or an interactive shell reads files, which may set PATH.
_STARTUP_OPTION = re.compile(r"-[A-Za-z]*[li]|--login")
# They prepare a refresh or report on it. An entry with others does work of its own.
_HARMLESS = ENVIRONMENTS | frozenset(
    "[ [[ cat date echo exit false grep head logger mail mkdir module printf sleep "
    "tail tee test true umask".split()
)

_TOOLS: dict[str, Tool] = {
    "ocarina": "client",
    "ocarina.client": "client",
    "ocarina-kit": "kit",
    "ocarina_kit": "kit",
}
_ARGUMENTS = {"kit": ["refresh"], "client": ["oauth", "refresh"]}
_TAKES_VALUE = frozenset(
    {"--profile", "--config", "--within", "--scope", "--for", "-m", "--metadata"}
)
KIT_OPTIONS = _TAKES_VALUE - {"-m", "--metadata"} | {
    "--cron",
    "--env",
    "--json",
    "--dry-run",
}
"""The options of ``ocarina-kit refresh``."""
_ASKS_ONLY = frozenset(
    {"-h", "--help", "-v", "--version", "--print-config", "--dry-run"}
)
_LEAD_TO_SET_UP = frozenset({"HOME", "OCARINA_CONF_FILE"})
_SPEAKS_OF_REFRESH = re.compile(
    r"\boauth\s+refresh\b|\bocarina[-_]kit(?:\s+-\S+)*\s+refresh\b"
)

_QUOTES = re.compile(
    r"""'(?P<single>[^']*)'
      | "(?P<double>(?:[^"\\]|\\.)*)"
      | \\(?P<escaped>.?)
      | (?P<comment>(?<![^\s;&|])\#.*)
      | (?P<open>['"].*)
      | (?P<plain>[^'"\\\#]+|\#)""",
    re.X | re.S,
)
_DOUBLE_QUOTED_ESCAPE = re.compile(r'\\(["\\$`])')
_DESCRIPTOR = re.compile(r"(?<![^\s;&|])[0-9]+(?=[<>])")  # the 2 of 2>log
_OPERATORS = ";&|<>"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_ASSIGNMENT = re.compile(rf"({_NAME})=")
_VARIABLE = re.compile(rf"\$(?:\{{(?P<braced>{_NAME})\}}|(?P<name>{_NAME}))")

# Quoted signs lose their meaning for the shell. They are hidden as surrogates of a
# range that no decoded text contains.
_HIDE = {ord(sign): 0xD800 + ord(sign) for sign in "$~`;&|<>()'\"\\ \t\r\n"}
_HIDE_ALL_BUT_VARIABLES = {code: _HIDE[code] for code in _HIDE if chr(code) not in "$`"}
_SHOW = {hidden: sign for sign, hidden in _HIDE.items()}


class Call(NamedTuple):
    """One refresh that a command runs."""

    tool: Tool
    path: str  # of its program, as the shell finds it in the command
    wrappers: tuple[str, ...]  # the programs that start it
    path_setter: str
    """What may set PATH before it, so that a bare name is found: a file that is read,
    or an option of the shell. "" if nothing does."""
    profile: str | None
    config: str | None
    """The path of its configuration. None: the set-up comes from the environment."""
    environ: Mapping[str, str]
    options: frozenset[str]  # their names


class Reading(NamedTuple):
    """What a command does."""

    calls: Sequence[Call] = ()
    other_work: Sequence[str] = ()  # programs that have nothing to do with a refresh
    is_clear: bool = True
    """False: the command speaks of a refresh in a form that is not understood."""
    is_complete: bool = True  # False: a quote is never closed
    comment: str = ""  # begins with #
    bash_only: Sequence[str] = ()  # commands that dash lacks


def read_command(text: str, environ: Mapping[str, str]) -> Reading:
    """Read a command that a shell starts with these variables. Never raises.

    The shell is that of SHELL.
    """
    return _Reader(environ, environ.get("SHELL", "")).read(text)


class _Reader:
    """Reads the commands of one text in their order."""

    def __init__(
        self, environ: Mapping[str, str], shell: str, *, is_inner: bool = False
    ) -> None:
        self._calls: list[Call] = []
        self._other_work: list[str] = []
        self._bash_only: list[str] = []
        self._is_clear = True
        self._is_complete = True
        self._is_inner = is_inner
        self._variables = dict(environ)
        self._exported = set(environ)
        self._folder = ""
        # Only bash reads this file.
        is_bash = basename(shell) == "bash"
        self._path_setter = environ.get("BASH_ENV", "") if is_bash else ""

    def read(self, text: str) -> Reading:
        text = _PLACEHOLDERS.sub(PLACEHOLDER, text)
        code, comment = self._hide_quoted(text)
        code = _SUBSTITUTION.sub(_replace_substitution, code)
        if re.search(r"[()`]", code):
            self._is_clear = False
        for command in _split_commands(code):
            self._read_simple_command(command)
        is_refresh = self._calls or _SPEAKS_OF_REFRESH.search(text)
        return Reading(
            self._calls,
            self._other_work,
            self._is_clear or not is_refresh,
            self._is_complete,
            comment,
            self._bash_only,
        )

    def _hide_quoted(self, text: str) -> tuple[str, str]:
        """Hide the signs that are quoted, and split off the comment."""
        parts: list[str] = []
        comment = ""
        for piece in _QUOTES.finditer(text):
            content = piece[piece.lastgroup or 0]
            match piece.lastgroup:
                case "single":
                    parts.append(f"'{content.translate(_HIDE)}'")
                case "double":
                    parts.append(f'"{_hide_double_quoted(content)}"')
                case "escaped":
                    parts.append(content.translate(_HIDE))
                case "comment":
                    comment = content.rstrip()
                case "open":
                    self._is_complete = False
                case _:
                    parts.append(content)
        return "".join(parts), comment

    def _read_simple_command(self, words: Sequence[str]) -> None:
        """Follow what prepares for other commands, and read all else as a program."""
        words = [self._expand(word) for word in words]
        assigned: dict[str, str] = {}
        while words and _ASSIGNMENT.match(words[0]):
            name, value = self._read_assignment(words[0])
            assigned[name] = value
            words = words[1:]
        if not words:
            self._variables.update(assigned)
            return
        if words[0] in _BASH_ONLY:
            self._bash_only.append(words[0])
        match words[0]:
            case "export":
                self._export(words[1:])
            case "cd":
                self._folder = _show(words[-1]) if words[1:] else ""
            case "source" | ".":
                self._read_file(words)
            case "eval" | "unset":
                self._is_clear = False  # it changes what the next commands see
            case _:
                environ = self._exported_variables()
                self._read_program(words, {**environ, **assigned})

    def _read_assignment(self, word: str) -> tuple[str, str]:
        name, _, value = word.partition("=")
        value = self._expand(value)
        if name in _LEAD_TO_SET_UP and "$" in value:  # a variable that is not known
            self._is_clear = False
        return name, _show(value)

    def _export(self, words: Sequence[str]) -> None:
        for word in words:
            name, value = self._read_assignment(word)
            self._exported.add(name)
            if "=" in word:
                self._variables[name] = value

    def _read_file(self, words: Sequence[str]) -> None:
        """Note that a file is read, without which no `conda activate` works in a job.

        The path of a second one may be from the first.
        """
        has_path = len(words) > 1 and not self._path_setter
        self._path_setter = _show(words[1] if has_path else words[0])

    def _exported_variables(self) -> dict[str, str]:
        return {
            name: value
            for name, value in self._variables.items()
            if name in self._exported
        }

    def _expand(self, word: str) -> str:
        """Put in the values of the variables that are known."""
        if word == "~" or word.startswith("~/"):
            word = f"$HOME{word[1:]}"
        return _VARIABLE.sub(self._value_of, word)

    def _value_of(self, variable: re.Match[str]) -> str:
        name = variable["braced"] or variable["name"]
        if name not in self._variables:
            return variable[0]
        return self._variables[name].translate(_HIDE)

    def _read_program(self, words: Sequence[str], environ: dict[str, str]) -> None:
        """Find the refresh in a command, or note what it does instead."""
        positions = range(len(words)) if _is_wrapper(words[0]) else range(1)
        for position in positions:
            if self._read_script(words, position, environ):
                return
            call = self._read_call(words, position, environ)
            if call is not None:
                self._calls.append(call)
                return
        program = basename(words[0])
        if program in _HARMLESS:
            return
        speaks = _SPEAKS_OF_REFRESH.search(_show(" ".join(words)))
        asks_only = _tool_of(words[0]) and _ASKS_ONLY.intersection(words)
        if speaks and not asks_only:
            self._is_clear = False
        self._other_work.append(_show(words[0]))

    def _read_script(
        self, words: Sequence[str], position: int, environ: Mapping[str, str]
    ) -> bool:
        """Read the script that a shell is given. Return whether there is one."""
        is_shell = basename(words[position]) in _SHELLS
        if not is_shell or self._is_inner:
            return False
        options: list[str] = []
        for option, script in zip(
            words[position + 1 :], words[position + 2 :], strict=False
        ):
            options.append(option)
            if _SCRIPT_OPTION.fullmatch(option):
                self._add_script(script, words[: position + 1], options, environ)
                return True
            if not option.startswith("-"):
                return False
        return False

    def _add_script(
        self,
        script: str,
        before: Sequence[str],
        options: Sequence[str],
        environ: Mapping[str, str],
    ) -> None:
        """Add what the script of an inner shell does.

        Args:
            script: what the shell is given.
            before: the shell, and what is before it.
            options: those of the shell.
            environ: the variables that it sees.
        """
        shell = before[-1]
        inner = _Reader(_environ_of(before, environ), shell, is_inner=True)
        reading = inner.read(_show(script))
        path_setter = self._path_setter
        for option in options:
            if _STARTUP_OPTION.match(option):
                path_setter = option
        wrappers = (*filter(_is_wrapper, before), shell)
        for call in reading.calls:
            self._calls.append(
                call._replace(
                    wrappers=(*map(_show, wrappers), *call.wrappers),
                    path_setter=call.path_setter or path_setter,
                )
            )
        self._other_work += reading.other_work
        self._is_clear = self._is_clear and reading.is_clear
        self._is_complete = self._is_complete and reading.is_complete

    def _read_call(
        self, words: Sequence[str], position: int, environ: Mapping[str, str]
    ) -> Call | None:
        """Read the refresh that begins at a word. None if there is none."""
        path = words[position]
        tool = _tool_of(path)
        if tool is None:
            return None
        options, arguments = _split_arguments(words[position + 1 :])
        if arguments != _ARGUMENTS[tool] or _ASKS_ONLY & options.keys():
            return None
        if any("$" in word for word in words):  # a variable that is not known
            return None
        before = words[:position]
        environ = _environ_of(before, environ)
        wrappers = [_show(word) for word in before if _is_wrapper(word)]
        if wrappers and before[-1] == "-m":
            path = wrappers.pop()
        return Call(
            tool=tool,
            path=self._absolute(_show(path)),
            wrappers=tuple(wrappers),
            path_setter=self._path_setter,
            profile=options.get("--profile") or None,
            config=self._config_of(tool, options, environ),
            environ=environ,
            options=frozenset(options),
        )

    def _absolute(self, path: str) -> str:
        is_relative = "/" in path and not path.startswith("~")
        if is_relative and isabs(self._folder):
            return normpath(join(self._folder, path))
        return path

    def _config_of(
        self, tool: Tool, options: Mapping[str, str], environ: Mapping[str, str]
    ) -> str | None:
        """Find the path of the configuration that a call reads."""
        if "--env" in options or "HOME" not in environ:
            return None
        home = environ["HOME"]
        config = environ.get("OCARINA_CONF_FILE") or join(home, ".ocarina")
        if tool == "kit":
            config = options.get("--config") or config
            config = re.sub(r"\A~(?=/)", lambda _: home, config)
        return normpath(join(home, self._folder, config))


def _split_commands(code: str) -> Iterator[list[str]]:
    """Split at the operators into words, without the redirections."""
    code = _DESCRIPTOR.sub("", code)
    lexer = shlex.shlex(code, posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    is_redirected = False
    for token in lexer:
        if "<" in token or ">" in token:
            is_redirected = True
        elif token and token[0] in _OPERATORS:
            yield words
            words = []
            is_redirected = False
        elif is_redirected:
            is_redirected = False
        else:
            words.append(token)
    yield words


def _split_arguments(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Split the words behind a program into its options and its arguments."""
    options: dict[str, str] = {}
    arguments: list[str] = []
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if not word.startswith("-"):
            arguments.append(word)
        elif option in _TAKES_VALUE and not equals:
            options[option] = _show(next(rest, ""))
        else:
            options[option] = _show(value)
        if option == "--scopes":  # the client's, which takes all words behind it
            break
    return options, arguments


def _replace_substitution(substitution: re.Match[str]) -> str:
    if _SPEAKS_OF_REFRESH.search(substitution[0]):
        return substitution[0]
    return _UNKNOWN_VALUE


def _hide_double_quoted(text: str) -> str:
    text = _DOUBLE_QUOTED_ESCAPE.sub(lambda escape: escape[1].translate(_HIDE), text)
    return text.translate(_HIDE_ALL_BUT_VARIABLES)


def _show(text: str) -> str:
    return text.translate(_SHOW)


def _tool_of(word: str) -> Tool | None:
    return "client" if PLACEHOLDER in word else _TOOLS.get(basename(word))


def _is_wrapper(word: str) -> bool:
    name = basename(word)
    return name in _WRAPPERS or _PYTHON.fullmatch(name) is not None


def _environ_of(before: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Add the variables that `env` sets for a program."""
    variables = dict(environ)
    for word in before:
        if _ASSIGNMENT.match(word):
            name, _, value = word.partition("=")
            variables[name] = _show(value)
    return variables
