"""Which command line refreshes a token, and whose: looks through whatever a person puts before the program.

Wrappers (``env``, ``timeout``, ``flock``, ``nice`` …), ``conda run``, shells with ``-c``, ``python`` with a script
or a module are stepped over one by one, until the program itself stands first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from posixpath import basename, isabs, join, normpath

from ocarina_kit.core.cron.shell import MAX_DEPTH, Command, Word, read_script, substitutions
from ocarina_kit.core.cron.unwrap import CONDA, SHELLS, Peeled, program_name, unwrap


class Tool(Enum):
    CLIENT = "client"
    KIT = "kit"


class Lookup(Enum):
    """How the program's name leads to a file when cron runs the line."""

    ABSOLUTE = "absolute"
    PATH = "path"
    """By PATH, as it is in the crontab or the line."""
    DIRECTORY = "directory"
    """A path that rests on the working directory."""
    CONDA = "conda"
    """Inside the environment that ``conda run`` or the like names."""
    ACTIVATED = "activated"
    """By the PATH that an ``activate`` script or ``module load`` on the line sets."""
    LOGIN_SHELL = "login-shell"
    """By the PATH that the person's own start-up files set (``bash -lc``)."""
    UNKNOWN = "unknown"
    """It holds a variable or a substitution whose value cron does not know."""


@dataclass(frozen=True)
class Program:
    """The program of a refresh. ``written`` is as in the line, quotes and all; ``path`` is what the shell makes of it.

    ``starters`` are the programs that start it (``timeout``, ``conda``, an interpreter …), outermost first.
    ``unknown`` names variables without a value; ``quoted_tilde``: a ``~`` that is never expanded.
    """

    written: str
    path: str
    lookup: Lookup
    starters: tuple[str, ...] = ()
    conda_environment: str | None = None
    unknown: tuple[str, ...] = ()
    quoted_tilde: bool = False


@dataclass(frozen=True)
class RefreshCall:
    """One ``ocarina oauth refresh`` or ``ocarina-kit refresh``, and the set-up that it would use.

    ``config`` is the path of the configuration, ``~/.ocarina`` of the line's HOME where none is named; None where
    it cannot be told, or where the set-up comes from the environment (``--env``, ``from_environment``).
    ``config_named``: by ``--config`` or ``OCARINA_CONF_FILE``.
    """

    tool: Tool
    program: Program
    profile: str | None
    config: str | None
    config_named: bool
    from_environment: bool
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What a command line does: its refreshes in order, and other programs that do work of their own."""

    calls: tuple[RefreshCall, ...] = ()
    other_work: tuple[str, ...] = ()
    whole: bool = True
    uses_source: bool = False
    """``source`` is no word of a plain ``sh`` such as Debian's dash."""


_MOST_WRAPPERS = 40
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
_TAKES_VALUE = {
    Tool.CLIENT: frozenset({"--profile", "-m", "--metadata"}),
    Tool.KIT: frozenset({"--profile", "--config", "--within", "--scope"}),
}
_ASKS_ONLY = {
    Tool.CLIENT: frozenset({"-h", "--help", "-v", "--version", "--print-config"}),
    Tool.KIT: frozenset({"-h", "--help", "--version", "--dry-run"}),
}
# They set the stage for a refresh, pass its words on, or report on it; a line with others has work of its own.
_STAGE = frozenset({
    "cd", "echo", "printf", "export", "unset", "set", "source", ".", "test", "[", "true", "false",
    ":", "sleep", "date", "exit", "return", "logger", "mail", "mailx", "sendmail", "tee", "ts",
    "cat", "grep", "egrep", "fgrep", "tail", "head", "sed", "awk", "cut", "tr", "module", "ml",
    "umask", "ulimit", "trap", "wait", "break", "continue", "alias", "shopt", "hash", "type",
    "which", "eval", "declare", "typeset", "local", "readonly", "read", "shift", "let", "pwd",
    "hostname", "whoami", "id", "env", "mkdir", "touch", "chmod", "setopt", "command", "pushd",
    "popd", "conda", "mamba", "micromamba", "spack", "pyenv"
})  # fmt: skip


@dataclass
class _Stage:
    """What earlier commands of the same line have set up."""

    activated: bool = False
    login: bool = False


def refreshes_in(command: str, environment: Mapping[str, str]) -> Findings:
    """What the shell text ``command`` does when it starts with these variables. Never raises; linear."""
    return _read(command, environment, _Stage(), 0)


def _read(text: str, environment: Mapping[str, str], stage: _Stage, depth: int) -> Findings:
    if depth > MAX_DEPTH:
        return Findings()
    script = read_script(text, environment)
    found = Findings(whole=script.whole)
    for command in script.commands:
        for inner in substitutions(command):
            found = _sum(
                found, _read(inner, command.environment, _Stage(stage.activated, stage.login), depth + 1)
            )
        found = _sum(found, _command(command, stage, depth))
    return found


def _sum(one: Findings, other: Findings) -> Findings:
    return Findings(
        one.calls + other.calls,
        one.other_work + other.other_work,
        one.whole and other.whole,
        one.uses_source or other.uses_source,
    )


def _command(command: Command, stage: _Stage, depth: int) -> Findings:
    peeled = Peeled(command.words, command.environment, command.uncertain)
    for _ in range(_MOST_WRAPPERS):
        if not peeled.words:
            return Findings()
        name = program_name(peeled.words[0])
        step = unwrap(name, peeled)
        if step is None:
            return _program(name, peeled, command, stage, depth)
        peeled = step
    return Findings()


def _program(name: str, peeled: Peeled, command: Command, stage: _Stage, depth: int) -> Findings:
    words = peeled.words
    if name in SHELLS:
        return _shell(name, peeled, stage, depth)
    if name == "eval":
        return _read(" ".join(word.text for word in words[1:]), peeled.environment, stage, depth + 1)
    if name == "script" and (inner := _value_of(words, "c")) is not None:
        return _read(inner, peeled.environment, stage, depth + 1)
    if name in {"source", "."}:
        # `source activate` and `. /x/bin/activate` set PATH; `. ~/.bashrc` often does the same.
        stage.activated = True
        return Findings(uses_source=name == "source")
    if name in CONDA or name in {"module", "ml"}:
        stage.activated |= any(word.text in {"activate", "load"} for word in words[1:]) or name == "ml"
        return Findings()
    if _PYTHON.fullmatch(name):
        return _python(peeled, command, stage)
    if name == "ocarina":
        return _call(Tool.CLIENT, words[0], words[1:], peeled, command=command, stage=stage)
    if name == "ocarina-kit":
        return _call(Tool.KIT, words[0], words[1:], peeled, command=command, stage=stage)
    return Findings() if name in _STAGE else Findings(other_work=(words[0].text,))


def _shell(name: str, peeled: Peeled, stage: _Stage, depth: int) -> Findings:
    words = peeled.words
    script = _value_of(words, "c")
    if script is None:
        plain = [word.text for word in words[1:] if not word.text.startswith("-")]
        return Findings(other_work=(plain[0],)) if plain else Findings()
    flags = [word.text for word in words[1:] if word.text.startswith("-")]
    login = any(
        flag == "--login" or (not flag.startswith("--") and ("l" in flag or "i" in flag)) for flag in flags
    )
    inner = _Stage(stage.activated, stage.login or login)
    found = _read(script, peeled.environment, inner, depth + 1)
    if name not in {"sh", "dash", "ash"}:
        found = replace(found, uses_source=False)
    started = tuple(
        replace(call, program=replace(call.program, starters=(*peeled.starters, words[0].text, *call.program.starters)))
        for call in found.calls
    )  # fmt: skip
    return replace(found, calls=started)


def _value_of(words: Sequence[Word], letter: str) -> str | None:
    """The word behind ``-c``, also behind ``-lc``."""
    for at, word in enumerate(words[1:-1], start=1):
        if re.fullmatch(rf"-[A-Za-z]*{letter}", word.text):
            return words[at + 1].text
    return None


def _python(peeled: Peeled, command: Command, stage: _Stage) -> Findings:
    words = peeled.words
    at = 1
    while at < len(words) and words[at].text.startswith("-"):
        option = words[at].text
        if option == "-m" and at + 1 < len(words):
            module = words[at + 1].text
            rest = peeled.without(at)
            tool = {"ocarina": Tool.CLIENT, "ocarina.client": Tool.CLIENT, "ocarina_kit": Tool.KIT}.get(
                module
            )
            if tool is None:
                return Findings(other_work=(words[0].text,))
            # Without its own path, the interpreter is the program that has to be there.
            rest = replace(rest, starters=peeled.starters)
            return _call(tool, words[0], words[at + 2 :], rest, command=command, stage=stage)
        if option == "-c":
            return Findings(other_work=(words[0].text,))
        at += 2 if option in {"-W", "-X"} else 1
    if at >= len(words):
        return Findings(other_work=(words[0].text,))
    tool = {"ocarina": Tool.CLIENT, "ocarina-kit": Tool.KIT}.get(program_name(words[at]))
    if tool is None:
        return Findings(other_work=(words[at].text,))
    return _call(tool, words[at], words[at + 1 :], peeled.without(at), command=command, stage=stage)


def _call(
    tool: Tool, program: Word, arguments: Sequence[Word], peeled: Peeled, *, command: Command, stage: _Stage
) -> Findings:
    wanted = ("oauth", "refresh") if tool is Tool.CLIENT else ("refresh",)
    options: dict[str, str] = {}
    uncertain = set(peeled.uncertain)
    plain: list[str] = []
    at = 0
    while at < len(arguments):
        text = arguments[at].text
        option, equals, value = text.partition("=")
        if option == "--scopes" and tool is Tool.CLIENT:
            options[option] = value
            break  # it takes all the words behind it
        if option in _TAKES_VALUE[tool] and len(plain) <= len(wanted):
            if not equals:
                at += 1
                value = arguments[at].text if at < len(arguments) else ""
            options[option] = value
            if at < len(arguments) and arguments[at].unknown:
                uncertain.add(option)
        elif text.startswith("-"):
            options[option] = value
        else:
            plain.append(text)
        at += 1
    if tuple(plain[: len(wanted)]) != wanted or _ASKS_ONLY[tool] & options.keys():
        return Findings(other_work=(program.text,))
    from_environment = "--env" in options
    config = _config(tool, options, peeled.environment, command)
    named = "--config" if tool is Tool.KIT and options.get("--config") else "OCARINA_CONF_FILE"
    if from_environment or named in uncertain:
        config = None
    call = RefreshCall(
        tool=tool,
        program=_describe(program, peeled, command=command, stage=stage),
        profile=options.get("--profile") or None,
        config=config,
        config_named=config is None or bool(_named_config(tool, options, peeled.environment)),
        from_environment=from_environment,
        environment=dict(peeled.environment),
        arguments=tuple(word.text for word in arguments),
    )
    return Findings(calls=(call,))


def extra_words(call: RefreshCall) -> tuple[str, ...]:
    """Words behind the refresh that neither program takes: prose, when the line is a comment."""
    if call.tool is Tool.CLIENT and "--scopes" in call.arguments:
        return ()
    subcommand = call.arguments.index("refresh") if "refresh" in call.arguments else len(call.arguments)
    words = call.arguments[subcommand + 1 :]
    values = _TAKES_VALUE[call.tool]
    return tuple(
        word
        for at, word in enumerate(words)
        if not word.startswith("-") and not (at and words[at - 1] in values)
    )


def _named_config(tool: Tool, options: Mapping[str, str], environment: Mapping[str, str]) -> str:
    path = options.get("--config", "") if tool is Tool.KIT else ""
    return path or environment.get("OCARINA_CONF_FILE", "")


def _config(
    tool: Tool, options: Mapping[str, str], environment: Mapping[str, str], command: Command
) -> str | None:
    path = _named_config(tool, options, environment)
    home = environment.get("HOME", "")
    if not path:
        return normpath(join(home, ".ocarina")) if home else None
    if path.startswith("~/") and tool is Tool.KIT:
        path = join(home, path[2:])
    if not isabs(path):
        path = join(home, command.directory or "", path)
    return normpath(path)


def _describe(program: Word, peeled: Peeled, command: Command, stage: _Stage) -> Program:
    path = program.text
    if program.unknown:
        lookup = Lookup.PATH if program_name(program) != basename(path) else Lookup.UNKNOWN
        if lookup is Lookup.PATH:
            path = program_name(program)
    elif isabs(path):
        lookup = Lookup.ABSOLUTE
    elif program.quoted_tilde or "/" in path:
        lookup = Lookup.DIRECTORY
        if command.directory is not None and isabs(command.directory) and not program.quoted_tilde:
            path = normpath(join(command.directory, path))
    elif peeled.conda is not None or peeled.in_runner:
        lookup = Lookup.CONDA
    elif stage.activated:
        lookup = Lookup.ACTIVATED
    elif stage.login:
        lookup = Lookup.LOGIN_SHELL
    else:
        lookup = Lookup.PATH
    return Program(
        written=program.written,
        path=path,
        lookup=lookup,
        starters=peeled.starters,
        conda_environment=peeled.conda,
        unknown=program.unknown,
        quoted_tilde=program.quoted_tilde,
    )
