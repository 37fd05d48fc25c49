"""Finds the ocarina clients on this machine, and what each of them is, by running it.

The first run has cron's bare environment: what works there still works after ``conda deactivate``, and no secret of
this shell reaches a program that only happens to be named ocarina.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.client.launch import HEAD_BYTES, Launch, read_launch
from ocarina_kit.client.places import CRON_PATH, NAME, Spot, is_there, on_path, replaceable, spots
from ocarina_kit.client.scopes import Table, is_scope
from ocarina_kit.system.machine import Completed, Machine
from ocarina_kit.system.words import one_line

Version = tuple[int, ...]

MINIMUM_VERSION: Version = (0, 44, 0)
"""The server refuses older clients (FACTS.md, The server)."""

TIMEOUT = 8.0
"""Seconds for one candidate: a Python on a cold network file system takes some."""

_UNRELATED = "the unrelated package of that name from PyPI, which tests web sites"


class Candidate(NamedTuple):
    """One ocarina. ``path`` is absolute, as it was found; ``real`` has its links followed; ``source``: where it is.

    ``interpreter`` is the Python it runs on; "" if unknown. ``state``: "works" (the Majora client, and
    it runs), "not the client", "does not run", "not executable", "not tried" (everyone could have put it there), "no
    answer", "missing"; ``problem`` says why. ``under_cron``: it also runs in cron's bare environment.
    ``writable_by_others``: what lets another user (but root) replace it, in words; "" if nothing.
    """

    path: str
    source: str = ""
    real: str = ""
    interpreter: str = ""
    version: Version | None = None
    state: str = "missing"
    problem: str = ""
    writable_by_others: str = ""
    under_cron: bool = True

    @property
    def works(self) -> bool:
        return self.state == "works"

    @property
    def described(self) -> str:
        """What it is: ``ocarina 1.0.0``, ``another program``."""
        return f"ocarina {version_text(self.version)}" if self.works else self.problem


class Clients(NamedTuple):
    """What was found, in the order of preference. ``chosen`` is the one for a crontab line; ``why`` says why it is.

    ``shell`` and ``cron`` are what the bare name ocarina runs here and in a cron job. ``remarks`` explain why there is
    none (the unrelated package, which has no command).
    """

    all: tuple[Candidate, ...] = ()
    shell: Candidate | None = None
    chosen: Candidate | None = None
    why: str = ""
    looked_in: tuple[str, ...] = ()
    cron: Candidate | None = None
    remarks: tuple[str, ...] = ()

    @property
    def typed(self) -> Candidate | None:
        """What a person gets who types ``ocarina``, as far as is known: what checks of "the client" look at."""
        return self.shell or self.chosen or next(iter(self.all), None)

    @property
    def usable(self) -> Candidate | None:
        """The client to log in for: the one that a person gets who types ``ocarina``, else the chosen one."""
        return self.shell if self.shell and self.shell.works else self.chosen

    @property
    def program(self) -> str:
        """What to type for `usable`: ``ocarina`` or a path."""
        return NAME if self.usable is None or self.usable is self.shell else self.usable.path


def parse_version(text: str) -> Version | None:
    """The leading numbers of ``1.0.0``, ``v0.44.0`` or ``1.2.0rc1``; None if there are none."""
    found = re.match(r"\s*v?(\d{1,9}(?:\.\d{1,9})*)", text)
    return tuple(map(int, found[1].split("."))) if found else None


def version_text(version: Version | None) -> str:
    """``1.0.0``; "" for None."""
    return ".".join(map(str, version or ()))


# --- the search ------------------------------------------------------------------------------------------


def find_clients(
    machine: Machine, named: str | None = None, *, timeout: float = TIMEOUT, first: bool = False
) -> Clients:
    """Look in all places, run what is there side by side, and choose. Never raises for what is found.

    ``named`` is the value of ``--ocarina``: that one is chosen, or none. ``timeout`` is seconds for each candidate.
    With ``first`` the search ends with the place that has a client for cron.
    """
    items: list[tuple[int, Spot]] = []
    found: list[Candidate] = []
    looked: list[str] = []
    remarks: list[str] = []
    seen: set[str] = set()
    for rank, (words, here) in enumerate(spots(machine, named)):
        looked.append(words)
        for spot in here:
            real, prefix = os.path.realpath(spot.path), spot.path.parent.parent
            if is_there(spot.path) or spot.source == "--ocarina":
                items += [] if real in seen else [(rank, spot)]
                seen.add(real)
            elif spot.path.parent.name == "bin" and has_client_module(prefix) is False:
                remarks.append(f"{prefix} has {_UNRELATED}; it brings no command")
        if first:
            found += _try_all(machine, items[len(found) :], timeout)
            if named is not None or any(each.works and each.under_cron for each in found):
                break
    found += _try_all(machine, items[len(found) :], timeout)

    def order(at: int) -> tuple[int, bool, list[int]]:
        # Of several environments of one tool the one with the newest client comes first.
        rank, spot = items[at]
        newest = [] if spot.trusted else [-number for number in found[at].version or ()]
        return rank, not found[at].works, newest

    ordered = tuple(found[at] for at in sorted(range(len(items)), key=order))
    chosen, why = _choose(ordered, named)
    shell = _at(ordered, on_path(NAME, machine.environ.get("PATH", "")))
    cron = _at(ordered, on_path(NAME, CRON_PATH))
    return Clients(ordered, shell, chosen, why, tuple(looked), cron, tuple(dict.fromkeys(remarks)))


def _at(candidates: Sequence[Candidate], path: str) -> Candidate | None:
    real = os.path.realpath(path) if path else ""
    return next((each for each in candidates if each.real == real), None)


def _choose(found: Sequence[Candidate], named: str | None) -> tuple[Candidate | None, str]:
    """The client for a crontab line, and why: the first that works under cron too, else the first that works here.

    What a person named is never quietly replaced.
    """
    working = [each for each in (found if named is None else found[:1]) if each.works]
    chosen = next((each for each in working if each.under_cron), next(iter(working), None))
    before = found[: found.index(chosen)] if chosen else found if named is None else found[:1]
    passed_over = "; ".join(f"{each.path}: {each.problem}" for each in before)
    if chosen is None:
        return None, f"No Majora client that runs. {passed_over}." if found else "No ocarina was found."
    why = f"It is in {chosen.source}." if named is None else "It was named with --ocarina."
    if passed_over:
        why = f"It is the first that works, in {chosen.source}. Passed over: {passed_over}."
    against = ("" if chosen.under_cron else chosen.problem, chosen.writable_by_others)
    return chosen, " ".join([why, *(f"But {words}." for words in against if words)])


def _try_all(machine: Machine, items: Sequence[tuple[int, Spot]], timeout: float) -> list[Candidate]:
    import threading

    answers: dict[int, Candidate] = {}

    def work(at: int, spot: Spot) -> None:
        answers[at] = examine(machine, *spot, timeout=timeout)

    # Daemon threads: an executor's are joined at exit, and one that hangs in a dead file system would hang the kit.
    threads = [
        threading.Thread(target=work, args=(at, each[1]), daemon=True) for at, each in enumerate(items)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[at] for at in range(len(items))]


# --- one candidate ---------------------------------------------------------------------------------------

# What such folders hold depends on the folder it is called in, or is thrown away by the tool that made it.
_FLEETING = r"/shims/ocarina$|/(?:\.cache|Caches)/(?:uv|pipx)/|/uv/archive-v0/|/pipx/\.cache/"
# Words of Python, of the loader, of sh and of env if something that a script starts on is gone or broken.
_BROKEN = (
    r"(?im)Traceback \(most recent|^\S*(?:Error|NotFound|Conflict): |error while loading shared libraries"
    r"|Library not loaded|Fatal Python error|bad interpreter"
    r"|(?:env|exec|sh|bash|dash): .*(?:No such file|not found|cannot execute)"
)
_NOT_RUN = {
    "timed out": ("no answer", "it gave no answer in time"),
    "not executable": ("not executable", "it may not be run"),
    "not found": ("missing", "no such file"),
}


def examine(
    machine: Machine,
    path: str | Path,
    source: str = "",
    trusted: bool = True,
    *,
    timeout: float = TIMEOUT,
) -> Candidate:
    """What the one program at ``path`` is. ``source`` says in words where it was found. Never raises.

    One that everyone could have put there is only run where it is ``trusted``: the person runs it anyway.
    """
    path = str(path)
    item = Candidate(path, source or path, os.path.realpath(path))
    if not is_there(Path(path)):
        return item._replace(problem="no such file")
    if not os.access(path, os.F_OK):
        return item._replace(state="does not run", problem="its link leads nowhere")
    if not os.access(path, os.X_OK):
        return item._replace(state="not executable", problem="it has no permission to run (no x bit)")
    launch = _launch(machine, path)
    item = item._replace(interpreter=launch.interpreter)
    loose = replaceable(path) or (replaceable(launch.interpreter) if launch.interpreter else None)
    if loose is not None:
        item = item._replace(writable_by_others=f"other users can replace {loose}")
        if not trusted and loose.stat().st_mode & 0o002:
            return item._replace(state="not tried", problem=f"not run: everyone can write to {loose}")
    # As a shell does with a script that has no first line (execvp(3)).
    argv = [path, "-v"] if launch.shebang or not launch.text else ["/bin/sh", path, "-v"]
    started_by = launch.interpreter or next(iter(launch.shebang), "")
    until = machine.monotonic() + timeout

    def attempt(environment: dict[str, str]) -> Candidate:
        left = max(0.5, until - machine.monotonic())
        done = machine.run(argv, env=environment, timeout=left, cwd=Path("/"))
        return judge(item, done, started_by)

    bare = attempt(_bare(machine))
    if bare.works and re.search(_FLEETING, path):
        return bare._replace(under_cron=False, problem="it depends on the shell or folder it is called in")
    if bare.works or bare.state in ("no answer", "not executable"):
        return bare
    here = attempt(_without_secrets(machine))
    if here.works:
        return here._replace(under_cron=False, problem="it runs in this shell, but not in cron's environment")
    return here if bare.state == "does not run" else bare


def judge(item: Candidate, done: Completed, started_by: str = "") -> Candidate:
    """What ``PROGRAM -v`` shows about the program. ``started_by``: the interpreter that its first line names."""
    output, errors = _text(done.stdout), _text(done.stderr)
    if done.code is None:
        state, problem = _NOT_RUN.get(done.error, ("does not run", done.error))
        if done.error == "bad interpreter" and started_by:
            gone = "does not start" if os.access(started_by, os.F_OK) else "is gone"
            problem = f"its interpreter {started_by} {gone}"
        return item._replace(state=state, problem=problem)
    has_module = has_client_module(Path(item.interpreter).parent.parent) if item.interpreter else None
    said = re.search(r"(?m)^ocarina v(\d\S*)\s*$", f"{output}\n{errors}")
    if done.code == 0 and said and has_module is not False:
        return item._replace(state="works", version=parse_version(said[1]))
    if done.code < 0:
        return item._replace(state="does not run", problem=f"it was ended by signal {-done.code}")
    if done.code in (126, 127) or (done.code and re.search(_BROKEN, errors)):
        last = errors.rstrip().rpartition("\n")[2]
        return item._replace(state="does not run", problem=one_line(last) or f"it ends with code {done.code}")
    first = one_line((output.strip() or errors.strip()).partition("\n")[0])
    other = f"another program; it says: {first}" if first else "another program"
    return item._replace(state="not the client", problem=_UNRELATED if has_module is False else other)


def _launch(machine: Machine, path: str) -> Launch:
    try:
        with Path(path).open("rb") as file:
            launch = read_launch(file.read(HEAD_BYTES))
    except OSError:
        return Launch(text=False)
    if launch.interpreter and "/" not in launch.interpreter:
        return launch._replace(interpreter=on_path(launch.interpreter, machine.environ.get("PATH", "")))
    return launch


def has_client_module(prefix: Path) -> bool | None:
    """Whether the environment's package ``ocarina`` is the Majora client's, which has a module ``client``.

    None if there is no such package in its own folder (a user site, a development install).
    """
    try:
        found = prefix.glob(f"lib/python*/site-packages/{NAME}")
        packages = [each for each in found if any(each.glob("*.py"))]
        return any(any(each.glob("client*")) for each in packages) if packages else None
    except OSError:
        return None


# --- its table of scopes ---------------------------------------------------------------------------------

_MARK = "ocarina-kit-table:"
_TABLE_PROGRAM = (
    "import json, ocarina.client as c\n"
    "t = {str(k): v.get('scope') if isinstance(v, dict) else None for k, v in c.ENDPOINTS.items()}\n"
    f"print('\\n{_MARK}' + json.dumps(t))\n"
)


def read_table(machine: Machine, candidate: Candidate, *, timeout: float = TIMEOUT) -> Table | None:
    """The client's own table of endpoints and scope strings, read by its own interpreter (FACTS.md, The client).

    None if the interpreter is unknown, takes longer than ``timeout`` seconds, or prints something else.
    """
    if not candidate.interpreter:
        return None
    done = machine.run(
        [candidate.interpreter, "-c", _TABLE_PROGRAM],
        env=_bare(machine) if candidate.under_cron else _without_secrets(machine),
        timeout=timeout,
        cwd=Path("/"),  # `python -c` looks for modules in the current folder first
    )
    return parse_table(_text(done.stdout)) if done.code == 0 else None


def parse_table(output: str) -> Table | None:
    """The table in what the client's interpreter printed; None if there is none, or it is of another shape.

    What is not a scope string is left out, so that the one that the kit carries is used instead.
    """
    import json

    def good(scope: object) -> bool:
        return scope in (None, "") or (isinstance(scope, str) and is_scope(scope))

    try:
        raw = json.loads(output.rpartition(f"\n{_MARK}")[2].partition("\n")[0])
        table = {name: scope for name, scope in raw.items() if good(scope)}
    except (ValueError, RecursionError, AttributeError):
        return None
    return table if any(name.startswith("api.") for name in table) else None


# --- environments ----------------------------------------------------------------------------------------


def _bare(machine: Machine) -> dict[str, str]:
    """What a cron job sees (CRON-AND-CONDA.md, cron); nothing is written beside the client's modules."""
    home = {"HOME": str(machine.home), "LOGNAME": machine.user}
    return {**home, "PATH": CRON_PATH, "SHELL": "/bin/sh", "PYTHONDONTWRITEBYTECODE": "1"}


def _without_secrets(machine: Machine) -> dict[str, str]:
    """This shell's environment without credentials, proxies (they may hold a password) and the display, on which a
    strange program might open."""
    kept = environment_without(machine, r"DISPLAY|WAYLAND_DISPLAY|\w*_(?:proxy|PROXY)")
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def environment_without(machine: Machine, names: str) -> dict[str, str]:
    """This shell's environment for another program: without Majora's credentials, and the variables that the pattern
    ``names`` matches."""
    left_out = re.compile(rf"(?:MAJORA|CLIENT|OCARINA)_.*|{names}")
    return {name: value for name, value in machine.environ.items() if not left_out.fullmatch(name)}


def _text(output: bytes) -> str:
    return output.decode("utf-8", errors="backslashreplace")
