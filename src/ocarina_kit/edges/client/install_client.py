"""Installs the client into an environment of its own, all of it or nothing.

Environments cannot be moved once they are made, so they are made in place: in a folder that was not there before,
which is removed again where anything fails.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocarina_kit.core.client.install_plan import InstallPlan, Step, likely_remedy, tail
from ocarina_kit.core.client.resolution import MINIMUM_VERSION, Candidate, Place, State, Version
from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.core.redact import mask
from ocarina_kit.edges.client.find_client import examine
from ocarina_kit.edges.client.install_environment import git_credentials, program_environment
from ocarina_kit.edges.client.plan_install import already_there, is_vacant
from ocarina_kit.edges.system import System

Say = Callable[[str], None]


@dataclass(frozen=True)
class InstalledClient:
    """A client that was shown to run. ``link`` was made for it; ``already``: it was there before, nothing changed."""

    candidate: Candidate
    plan: InstallPlan
    link: Path | None = None
    already: bool = False


def apply_install(
    plan: InstallPlan, system: System, say: Say, *, minimum: Version = MINIMUM_VERSION
) -> InstalledClient:
    """Carry ``plan`` out, show that the client runs, and that the server will accept its version.

    ``say`` is told what is being done. Where anything fails, or is interrupted, what was made is removed, and a
    folder that was there before is as it was. Raises :class:`KitError`: ``INS001`` for a folder that has been filled
    meanwhile, ``INS003`` for a step that failed, ``ENV001`` to ``ENV004`` where what was installed is not a client
    that the server accepts.
    """
    if plan.already is not None:
        return InstalledClient(plan.already, plan, already=True)
    prefix = Path(plan.prefix)
    with _one_at_a_time(system):
        if not is_vacant(prefix):
            raise already_there(prefix, "It has been filled meanwhile.", by_name=plan.name is not None)
        with _all_or_nothing(prefix):
            for step in plan.steps:
                say(f"{step.what} …")
                _run_step(system, step, plan)
            say("Checking that it runs …")
            candidate = _checked(system, plan, minimum)
            link = _make_link(plan)
        return InstalledClient(candidate, plan, link)


def _run_step(system: System, step: Step, plan: InstallPlan) -> None:
    source = plan.source
    with git_credentials(system, source) as extra:
        environment = {**program_environment(system), **extra}
        # What conda installed beside the client (git) is found first.
        environment["PATH"] = f"{plan.prefix / 'bin'}:{environment.get('PATH', '/usr/bin:/bin')}"
        stdin = f"{source.with_credentials.reveal()}\n".encode() if step.source_on_stdin else b""
        done = system.run(step.argv, env=environment, stdin=stdin, timeout=step.timeout, cwd=Path("/"))
    if done.code == 0:
        return
    output = mask(
        (done.stdout + b"\n" + done.stderr).decode("utf-8", errors="backslashreplace"), source.secrets
    )
    how = f"{Path(step.argv[0]).name} ended with code {done.code}" if done.code is not None else done.error
    if done.error == "timed out":
        how = f"it was ended after {step.timeout / 60:.0f} minutes"
    raise KitError(
        f"{step.what} failed: {how}. Nothing of it is left on this machine.",
        id="INS003",
        why=tail(output),
        remedy=Remedy(likely_remedy(output)),
    )


def _checked(system: System, plan: InstallPlan, minimum: Version) -> Candidate:
    """The installed client, shown to be one and to run."""
    found = examine(system, Path(plan.client), str(plan.prefix), place=Place.KIT, timeout=60.0)
    source = plan.source.spec
    gone = "The environment was removed again."
    other = Remedy("Install the client that the guide names.", ("ocarina-kit install-client",))
    if found.state is State.MISSING:
        raise KitError(
            "What was installed has no command named ocarina.",
            id="ENV001",
            why=f"{source} is not the Majora client. {gone}",
            remedy=other,
        )
    if not found.runs:
        raise KitError(
            f"What was installed does not run: {found.described}.",
            id="ENV003",
            why=f"It came from {source}. {gone}",
            remedy=other,
        )
    if not found.works:
        raise KitError(
            f"What was installed is not the Majora client, but {found.described}.",
            id="ENV002",
            why=f"It came from {source}. {gone}",
            remedy=other,
        )
    if found.version is None or found.version < minimum:
        raise KitError(
            f"What was installed is ocarina {found.version}, and the server refuses clients below {minimum}.",
            id="ENV004",
            why=f"It came from {source}. {gone}",
            remedy=other,
        )
    return found


def _make_link(plan: InstallPlan) -> Path | None:
    """``~/.local/bin/ocarina``, so that shells find the client; what stands there already is left."""
    if plan.link is None:
        return None
    link = Path(plan.link)
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(plan.client)
    except OSError:  # a convenience: the client works without it
        return None
    return link


# --- all or nothing --------------------------------------------------------------------------------------


@contextmanager
def _all_or_nothing(prefix: Path) -> Iterator[None]:
    """Remove ``prefix``, and the folders made for it, where the block does not come to its end."""
    existed = prefix.exists()
    missing = [parent for parent in prefix.parents if not parent.exists()]
    if existed:
        prefix.rmdir()  # it is empty; micromamba takes no folder that is there already
    with _signals_interrupt():
        try:
            yield
        except BaseException:
            _remove(prefix)
            if existed:
                prefix.mkdir()
            for folder in missing:
                with suppress(OSError):
                    folder.rmdir()
            raise


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM, and the SIGHUP of a lost connection, end the block as Ctrl-C does, so that it cleans up.

    Does nothing off the main thread, where Python sets no handlers.
    """

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before: dict[signal.Signals, Any] = {}
    try:
        for which in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(which) is not signal.SIG_IGN:  # nohup means it
                before[which] = signal.signal(which, interrupt)
    except ValueError:
        pass
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def _remove(prefix: Path) -> None:
    try:
        shutil.rmtree(prefix)
    except FileNotFoundError:
        return
    except OSError as problem:
        raise KitError(
            f"{prefix} is half-made and could not be removed.",
            id="INS004",
            why=problem.strerror or str(problem),
            remedy=Remedy("Remove it by hand, then run this again."),
        ) from problem


@contextmanager
def _one_at_a_time(system: System) -> Iterator[None]:
    from ocarina_kit.edges.disk.files import make_private_folder
    from ocarina_kit.edges.disk.locks import LockTimeoutError, LockUnsupportedError, hold

    make_private_folder(system.state_dir)
    try:
        with hold(system.state_dir / "install-client", timeout=0.5):
            yield
    except LockUnsupportedError:
        # Two at once are unlikely, and the second finds the first one's folder filled.
        yield
    except LockTimeoutError as problem:
        raise KitError(
            "Another install-client is at work.",
            id="INS005",
            why="It holds the lock in the kit's state folder.",
            remedy=Remedy("Wait until it is done, then run this again.", ("ocarina-kit install-client",)),
        ) from problem
