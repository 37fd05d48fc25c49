"""Which ocarina is meant: one pure decision over what was found on this machine.

The facts come from ``edges/client/find_client.py``. The order of the places is CONTRACT.md's (schedule, first bullet).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

# --- versions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Version:
    """A client's version: its numbers, compared as the server compares them. ``str`` gives ``1.0.0``."""

    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers))


def parse_version(text: str) -> Version | None:
    """The leading numbers of ``1.0.0``, ``v0.44.0`` or ``1.2.0rc1``; None where there are none."""
    found = re.match(r"\s*v?(\d{1,9}(?:\.\d{1,9})*)", text)
    return Version(tuple(map(int, found[1].split(".")))) if found else None


MINIMUM_VERSION = Version((0, 44, 0))
"""The server refuses clients below it (FACTS.md, The server)."""

_BANNER = re.compile(r"^ocarina v(\d{1,9}(?:\.\d{1,9})*)\S*\s*$", re.MULTILINE)


def client_version(output: str) -> Version | None:
    """The version in what ``ocarina -v`` prints (``ocarina v1.0.0``); None where this is not what it printed."""
    found = _BANNER.search(output)
    return parse_version(found[1]) if found else None


# --- what was found --------------------------------------------------------------------------------------


class Place(str, Enum):
    """Where a client was found, in the order of preference."""

    OPTION = "--ocarina"
    ACTIVE = "the active environment"
    PATH = "PATH"
    CONDA = "conda environments"
    PIPX = "pipx"
    UV_TOOL = "uv tool"
    USER_BIN = "~/.local/bin"
    KIT = "environments made by install-client"
    BESIDE_KIT = "the environment of ocarina-kit"
    CRON_PATH = "cron's PATH"


PLACES: tuple[Place, ...] = tuple(Place)


class State(str, Enum):
    """What came of running a candidate."""

    MAJORA = "the Majora client"
    UNRELATED = "the unrelated PyPI package"
    OTHER = "another program"
    DEAD = "its interpreter, or what it leads to, is gone"
    IMPORT_ERROR = "import error"
    NOT_EXECUTABLE = "no permission to run it"
    CRASHED = "ends with an error"
    TIMED_OUT = "gives no answer"
    MISSING = "no such file"


@dataclass(frozen=True)
class Candidate:
    """One ocarina. ``path`` is absolute, as it was found; ``real_path`` has its links followed.

    ``where`` is the place in words (``the conda environment covid``). ``interpreter`` is the Python that it runs
    on, where that can be told, and ``interpreter_flags`` are those of its shebang. ``stands_on`` says that it also
    runs in cron's bare environment and is no shim: a crontab entry may name it. ``also`` are other paths to the
    same file.
    """

    path: str
    real_path: str
    place: Place
    where: str
    state: State
    version: Version | None = None
    interpreter: str | None = None
    interpreter_flags: tuple[str, ...] = ()
    detail: str = ""
    stands_on: bool = True
    also: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """It runs, and is the Majora client."""
        return self.state is State.MAJORA

    @property
    def runs(self) -> bool:
        """It runs, whatever it is."""
        return self.state in (State.MAJORA, State.UNRELATED, State.OTHER)

    @property
    def described(self) -> str:
        """What it is, in a few words: ``ocarina 1.0.0``, ``the unrelated PyPI package``."""
        if self.works:
            return f"ocarina {self.version}" if self.version else "ocarina"
        return f"{self.state.value} ({self.detail})" if self.detail else self.state.value


@dataclass(frozen=True)
class Search:
    """All that the search found. ``shell_path`` and ``cron_path`` are what the name ``ocarina`` leads to
    in this shell and in a cron job.

    ``looked`` lists where it looked, for people. ``remarks`` are things seen on the way that explain a failure
    (an environment that holds the unrelated package, which has no command). ``complete`` is False where the search
    ended at the first client that works.
    """

    candidates: tuple[Candidate, ...] = ()
    looked: tuple[str, ...] = ()
    shell_path: str | None = None
    cron_path: str | None = None
    remarks: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class Resolution:
    """The decision. ``chosen`` is None where nothing works; ``why`` says why it is this one, in a sentence.

    ``candidates`` are in the order of preference; ``passed_over`` are those before the chosen one. ``shell`` and
    ``cron`` are what the bare name ``ocarina`` runs in this shell and in a cron job.
    """

    chosen: Candidate | None
    why: str
    candidates: tuple[Candidate, ...] = ()
    passed_over: tuple[Candidate, ...] = ()
    shell: Candidate | None = None
    cron: Candidate | None = None
    looked: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    complete: bool = True

    @property
    def judged(self) -> Candidate | None:
        """What a person gets who types ``ocarina``, as far as can be told: what checks of "the client" look at.

        That is the shell's; with none there the chosen one; with none that works the first that was found.
        """
        return self.shell or self.chosen or (self.candidates[0] if self.candidates else None)

    @property
    def different(self) -> tuple[Candidate, ...]:
        """The Majora clients that work, each file once: more than one is worth a word (ENV005)."""
        return tuple(candidate for candidate in self.candidates if candidate.works)


# --- the decision ----------------------------------------------------------------------------------------


def resolve(search: Search, option: str | None = None) -> Resolution:
    """Choose among what was found.

    With ``option`` (``--ocarina``) that one, or none: what a person names is not quietly replaced. Else the first
    that is the Majora client, runs, and would run under cron too; else the first that runs here. Of several
    conda environments the one with the newest client comes first.
    """
    ordered = _ordered(search.candidates)
    if option is not None:
        named = next((c for c in ordered if c.place is Place.OPTION), None)
        chosen = named if named is not None and named.works else None
        passed_over: tuple[Candidate, ...] = ()
        why = _why_option(option, named)
    else:
        chosen = next((c for c in ordered if c.works and c.stands_on), None)
        chosen = chosen or next((c for c in ordered if c.works), None)
        passed_over = ordered[: ordered.index(chosen)] if chosen else ordered
        why = _why(chosen, passed_over, search)
    return Resolution(
        chosen=chosen,
        why=why,
        candidates=ordered,
        passed_over=passed_over,
        shell=_at(ordered, search.shell_path),
        cron=_at(ordered, search.cron_path),
        looked=search.looked,
        remarks=search.remarks,
        complete=search.complete,
    )


def _ordered(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    def rank(numbered: tuple[int, Candidate]) -> tuple[object, ...]:
        index, candidate = numbered
        age: tuple[int, ...] = ()
        if candidate.place is Place.CONDA and candidate.version is not None:
            age = tuple(-number for number in candidate.version.numbers)
        return (PLACES.index(candidate.place), not candidate.works, age, index)

    return tuple(candidate for _, candidate in sorted(enumerate(candidates), key=rank))


def _at(candidates: Sequence[Candidate], path: str | None) -> Candidate | None:
    if path is None:
        return None
    return next((c for c in candidates if path == c.path or path in c.also), None)


def _why_option(option: str, named: Candidate | None) -> str:
    if named is None or named.state is State.MISSING:
        return f"There is no file {option}."
    if not named.works:
        return f"{option} was named, but is not a client that runs: {named.described}."
    if not named.stands_on:
        return f"It was named with --ocarina. Mind that it {named.detail or 'may not run under cron'}."
    return "It was named with --ocarina."


def _why(chosen: Candidate | None, passed_over: Sequence[Candidate], search: Search) -> str:
    if chosen is None:
        if not passed_over:
            return "No ocarina was found."
        listed = "; ".join(f"{c.path}: {c.described}" for c in passed_over)
        return f"None of what was found is a Majora client that runs. {listed}."
    reason = f"It is in {chosen.where}." if chosen.place is not Place.PATH else "It is the first on PATH."
    older = [c for c in passed_over if c.works]
    broken = [c for c in passed_over if not c.works]
    if broken:
        listed = "; ".join(f"{c.path}: {c.described}" for c in broken)
        reason = f"It is in {chosen.where}, and the first that works. Passed over: {listed}."
    if older:
        listed = ", ".join(c.path for c in older)
        reason += f" It also runs under cron, which {listed} may not."
    if not chosen.stands_on:
        reason += f" Mind that it {chosen.detail or 'may not run under cron'}."
    return reason


# --- what a run says about a program ---------------------------------------------------------------------

_IMPORT = re.compile(
    r"^(?:\S*\.)?(?:ModuleNotFoundError|ImportError|DistributionNotFound|PackageNotFoundError|VersionConflict"
    r"|ContextualVersionConflict)\b.*$",
    re.MULTILINE,
)
# Words of the loader, of sh and of env where what a script starts on is gone, or broken beyond starting.
_GONE = re.compile(
    r"error while loading shared libraries|Library not loaded|Fatal Python error|bad interpreter"
    r"|No module named '?encodings|(?:env|exec|sh|bash|dash): .*(?:No such file|not found|cannot execute)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Verdict:
    state: State
    version: Version | None = None
    detail: str = ""


def judge_run(
    code: int | None, output: str, errors: str, problem: str, *, has_client_module: bool | None
) -> Verdict:
    """What ``PROGRAM -v`` shows about the program.

    ``code`` is None where it did not start or did not end; then ``problem`` is the runner's word (see
    :class:`ocarina_kit.edges.system.Completed`). ``has_client_module`` says whether the program's environment
    holds an ``ocarina`` package with a ``client`` module (the Majora client's), one without (the PyPI package's),
    or None where that cannot be told.
    """
    if code is None:
        return _not_run(problem)
    version = client_version(output) or client_version(errors)
    if code == 0 and version is not None and has_client_module is not False:
        return Verdict(State.MAJORA, version)
    if code != 0:
        if imported := _IMPORT.findall(errors):
            return Verdict(State.IMPORT_ERROR, detail=_short(imported[-1]))
        if code in (126, 127) or _GONE.search(errors):
            return Verdict(State.DEAD, detail=_short(_last_line(errors)))
        if code < 0:
            return Verdict(State.CRASHED, detail=f"ended by signal {-code}")
        if "Traceback (most recent call last)" in errors:
            return Verdict(State.CRASHED, detail=_short(_last_line(errors)))
    if has_client_module is False:
        return Verdict(State.UNRELATED)
    said = _short((output.strip() or errors.strip()).partition("\n")[0])
    return Verdict(State.OTHER, detail=f"it says: {said}" if said else "")


def _not_run(problem: str) -> Verdict:
    states = {
        "timed out": State.TIMED_OUT,
        "not executable": State.NOT_EXECUTABLE,
        "bad interpreter": State.DEAD,
        "not found": State.MISSING,
    }
    state = states.get(problem, State.CRASHED)
    return Verdict(state, detail=problem if state is State.CRASHED else "")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _short(text: str, limit: int = 160) -> str:
    text = "".join(char if char.isprintable() else "?" for char in text.strip())
    return text if len(text) <= limit else text[: limit - 1] + "…"
