"""Steps over what a person puts before a program: ``env``, ``timeout``, ``flock``, ``conda run`` and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from posixpath import basename

from ocarina_kit.core.cron.shell import Word

# Option letters and words that take a value of their own, and how many plain words stand before the command.
_WRAPPERS: dict[str, tuple[frozenset[str], int]] = {
    "nice": (frozenset({"-n", "--adjustment"}), 0),
    "ionice": (frozenset({"-c", "-n", "-p", "--class", "--classdata"}), 0),
    "timeout": (frozenset({"-k", "-s", "--kill-after", "--signal"}), 1),
    "gtimeout": (frozenset({"-k", "-s", "--kill-after", "--signal"}), 1),
    "nohup": (frozenset(), 0),
    "setsid": (frozenset(), 0),
    "exec": (frozenset({"-a"}), 0),
    "command": (frozenset(), 0),
    "builtin": (frozenset(), 0),
    "time": (frozenset({"-f", "-o", "--format", "--output"}), 0),
    "stdbuf": (frozenset({"-i", "-o", "-e"}), 0),
    "unbuffer": (frozenset(), 0),
    "chronic": (frozenset(), 0),
    "cronic": (frozenset(), 0),
    "run-one": (frozenset(), 0),
    "caffeinate": (frozenset({"-t", "-w"}), 0),
    "systemd-cat": (frozenset({"-t", "-p", "--identifier", "--priority"}), 0),
    "flock": (frozenset({"-w", "--timeout", "-E", "--conflict-exit-code"}), 1),
    "setlock": (frozenset(), 1),
    "taskset": (frozenset(), 1),
    "chrt": (frozenset(), 1),
    "numactl": (frozenset(), 0),
    "busybox": (frozenset(), 0),
    "proxychains4": (frozenset({"-f"}), 0),
    "srun": (frozenset({"-p", "-n", "-c", "-t", "-A", "-J", "--partition", "--time", "--account"}), 0),
}
_OF_THE_SHELL = frozenset({"exec", "command", "builtin", "time"})
CONDA = frozenset({"conda", "mamba", "micromamba"})
_RUNNERS = frozenset({"uv", "pixi", "poetry", "pipenv", "hatch", "pdm", "rye"})
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "fish", "csh", "tcsh"})


@dataclass(frozen=True)
class Peeled:
    """A command under way of being unwrapped: the words left, and what the words before them did."""

    words: tuple[Word, ...]
    environment: Mapping[str, str]
    uncertain: frozenset[str] = frozenset()
    starters: tuple[str, ...] = ()
    conda: str | None = None
    in_runner: bool = False

    def without(self, count: int, *, starter: bool = True) -> Peeled:
        started = (*self.starters, self.words[0].text) if starter else self.starters
        return replace(self, words=self.words[count:], starters=started)


def program_name(word: Word) -> str:
    """The program's name; ``$(which ocarina)`` is ``ocarina``."""
    match = re.fullmatch(r"(?:\$\(|`)\s*(?:which|command\s+-v|type\s+-[pP])\s+([\w./~-]+)\s*[)`]", word.text)
    return basename(match[1] if match is not None else word.text)


def unwrap(name: str, peeled: Peeled) -> Peeled | None:
    """One wrapper less; None where the first word is no wrapper."""
    if name == "env":
        return _unwrap_env(peeled)
    if name in CONDA:
        return _unwrap_conda(peeled)
    if name in _RUNNERS:
        texts = [word.text for word in peeled.words[:3]]
        skip = 3 if texts[1:] == ["tool", "run"] else 2
        if texts[1:2] != ["run"] and skip == 2:
            return None
        return replace(_after_options(peeled.without(skip), _RUNNER_VALUES, 0), in_runner=True)
    if name in {"uvx", "pipx"}:
        rest = peeled.without(1)
        if name == "pipx":
            if not rest.words or rest.words[0].text != "run":
                return None
            rest = rest.without(1, starter=False)
        return replace(_after_options(rest, _RUNNER_VALUES, 0), in_runner=True)
    if (
        name in {"singularity", "apptainer"}
        and len(peeled.words) > 1
        and peeled.words[1].text in {"exec", "run"}
    ):
        return _after_options(peeled.without(2), frozenset({"-B", "--bind", "--pwd", "--env", "-H"}), 1)
    if name in _WRAPPERS:
        values, plain = _WRAPPERS[name]
        rest = _after_options(peeled.without(1, starter=name not in _OF_THE_SHELL), values, plain)
        if name == "command" and len(peeled.words) > 1 and peeled.words[1].text in {"-v", "-V"}:
            return replace(rest, words=())
        if name == "flock" and rest.words and rest.words[0].text in {"-c", "--command"}:
            shell = Word("sh", "sh")
            return replace(rest, words=(shell, *rest.words))
        return rest
    return None


_RUNNER_VALUES = frozenset(
    {"-p", "--python", "--from", "--with", "--spec", "--project", "-e", "--environment"}
)


def _after_options(peeled: Peeled, values: frozenset[str], plain: int) -> Peeled:
    """Steps over options, the values of those in ``values``, and then ``plain`` words."""
    words = peeled.words
    at = 0
    while at < len(words) and words[at].text.startswith("-") and len(words[at].text) > 1:
        option = words[at].text
        if option in {"-c", "--command"} and plain and option not in values:
            break
        at += 2 if option in values else 1
        if option == "--":
            break
    return replace(peeled, words=words[at + plain :])


def _unwrap_env(peeled: Peeled) -> Peeled | None:
    environment = dict(peeled.environment)
    uncertain = peeled.uncertain
    words = peeled.words
    at = 1
    while at < len(words):
        text = words[at].text
        if text in {"-i", "-", "--ignore-environment"}:
            environment.clear()
        elif text in {"-u", "--unset", "-C", "--chdir"}:
            if text in {"-u", "--unset"} and at + 1 < len(words):
                environment.pop(words[at + 1].text, None)
            at += 1
        elif text in {"-S", "--split-string"} and at + 1 < len(words):
            inner = tuple(Word(part, part) for part in words[at + 1].text.split())
            rest = replace(peeled.without(at), environment=environment, uncertain=uncertain)
            return replace(rest, words=inner + words[at + 2 :])
        elif (match := re.match(r"([A-Za-z_]\w*)=", text)) is not None:
            environment[match[1]] = text[match.end() :]
            uncertain = uncertain | {match[1]} if words[at].unknown else uncertain - {match[1]}
        elif text == "--" or not text.startswith("-"):
            break
        at += 1
    if at < len(words) and words[at].text == "--":
        at += 1
    return replace(peeled.without(at), environment=environment, uncertain=uncertain)


def _unwrap_conda(peeled: Peeled) -> Peeled | None:
    words = peeled.words
    at = 1
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if words[at].text in {"-r", "--root-prefix"} else 1
    if at >= len(words) or words[at].text != "run":
        return None
    at += 1
    environment = "base"
    while at < len(words) and words[at].text.startswith("-") and words[at].text != "--":
        option, _, value = words[at].text.partition("=")
        if option in {"-n", "--name", "-p", "--prefix"}:
            if not value and at + 1 < len(words):
                at += 1
                value = words[at].text
            environment = value
        elif option in {"--cwd", "-e", "--env", "-a", "--attach"} and not value:
            at += 1
        at += 1
    if at < len(words) and words[at].text == "--":
        at += 1
    return replace(peeled.without(at), conda=environment)
