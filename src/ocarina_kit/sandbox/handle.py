"""Starts the server's process, and controls it over a pipe."""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ocarina_kit.sandbox import totp
from ocarina_kit.sandbox.faults import Fault, digest
from ocarina_kit.sandbox.person import Person
from ocarina_kit.sandbox.records import SandboxError, Seen, User, count
from ocarina_kit.system.problem import KitError, Problem, Remedy

if TYPE_CHECKING:
    from ocarina_kit.sandbox.control import Control
else:
    Control = object  # its methods run in the server's process: see Sandbox.__getattr__


class Sandbox(Control):
    """A running Majora. Make one with `start`; it is a context manager.

    It has the methods of `control.Control`, too: `add_user`, `grant` …. It is safe to
    use from several threads.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], ready: tuple[Any, ...]
    ) -> None:
        """Take the process, and what it says when it is ready."""
        self._process = process
        self._pipe = threading.Lock()
        self.offset = 0.0
        """Seconds that the server's clock is ahead of this machine's."""
        self.url: str = ready[0]
        """The base URL, with its last slash: MAJORA_DOMAIN."""
        self.redirect_uri = self.url + "o/callback/"
        self.folder: Path = ready[1]
        """The server's own folder, which is removed when the server ends."""
        self.ca_file = self.folder / "ca.pem" if self.url.startswith("https") else None
        """The throwaway authority's certificate (PEM), if it speaks TLS."""

    @classmethod
    def start(
        cls,
        *,
        tls: bool = False,
        port: int = 0,
        certificate: Literal["good", "expired", "other-host"] = "good",
        minimum_client: str = "0.44.0",
        query_scope: str = "majora2.view_biosampleartifact",
        shows_codes: bool = False,
    ) -> Sandbox:
        """Start a server on 127.0.0.1 and wait until it answers.

        Args:
            tls: Serve https.
            port: 0 takes a free one.
            certificate: With TLS: good, expired, or for another host.
            minimum_client: The oldest client that its API accepts.
            query_scope: The scope that the sample queries need; blank for none.
            shows_codes: Show the second factor's code on the start page.

        Raises:
            KitError: SBX001 if the extra is not installed, SBX002 if the server does
                not start.
        """
        options = {name: value for name, value in locals().items() if name != "cls"}
        require_extra()
        process = subprocess.Popen(
            [sys.executable, "-m", "ocarina_kit.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            # The end of the pipe ends it, and no signal that is meant for us.
            start_new_session=True,
        )
        try:
            return cls(process, _exchange(process, options))
        except SandboxError as problem:
            _end(process)
            advice = "Choose another port, or leave out --port to use a free one."
            raise KitError(
                Problem(
                    message="The sandbox did not start.",
                    id="SBX002",
                    why=str(problem),
                    remedy=Remedy(advice if port else ""),
                )
            ) from None
        except BaseException:
            _end(process)
            raise

    def stop(self) -> None:
        """End the server; its folder goes with it. May be called twice."""
        with self._pipe:
            _end(self._process)

    def wait(self) -> None:
        """Return when the server has ended by itself."""
        self._process.wait()

    def __enter__(self) -> Sandbox:
        """Return the running sandbox."""
        return self

    def __exit__(self, *problem: object) -> None:
        """End the server."""
        self.stop()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method of `Control`, carried out in the server's process."""
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self._do, name)

    def _do(self, command: str, *arguments: Any, **options: Any) -> Any:
        with self._pipe:
            if self._process.poll() is not None:
                raise SandboxError("the sandbox has ended")
            try:
                return _exchange(self._process, (command, arguments, options))
            except SandboxError as problem:
                raise SandboxError(f"{command}: {problem}") from None

    # A person in a browser

    def second_factor_code(self, user: User) -> str:
        """Return the code on the person's phone now, by the server's clock."""
        if user.totp_secret is None:
            raise SandboxError(f"{user.name} has no second factor")
        return totp.code_at(user.totp_secret, time.time() + self.offset)

    def authorize(self, user: User, url: str) -> str:
        """Open an authorize link as this person would, and press Authorize.

        Returns:
            The address that the browser ends at, which is what gets pasted; also if
            the server redirected there with an error.

        Raises:
            SandboxError: if the browser ended elsewhere.
        """
        return self._person().answer(user, url, allow=True)

    def deny(self, user: User, url: str) -> str:
        """Open an authorize link as `authorize` does, and press Cancel."""
        return self._person().answer(user, url, allow=False)

    def browser(self, user: User) -> Any:
        """Return a `requests.Session` that is logged in as this person."""
        person = self._person()
        person.log_in(user)
        return person.session

    def _person(self) -> Person:
        return Person(self.url, self.ca_file, self.second_factor_code)

    # The server itself

    def shift_clock(self, seconds: float) -> None:
        """Move the server's clock: Date header, lifetimes, second factor. Adds up."""
        self.offset += seconds
        self.set_offset(self.offset)

    def fault(
        self,
        kind: str,
        path: str = "o/token/",
        *,
        token: str | None = None,
        **details: Any,
    ) -> None:
        """Play a fault.

        Args:
            kind: One of `faults.KINDS`.
            path: The requests that meet it; `*` and `?` as in a shell.
            token: Only requests that carry this refresh or access token meet it.
            details: What else `faults.Fault` has, such as `times`.

        Raises:
            ValueError: for a kind or a detail that does not exist.
        """
        try:
            self.add_fault(
                Fault(kind, path, token=digest(token) if token else None, **details)
            )
        except TypeError as problem:
            raise ValueError(str(problem)) from None

    @property
    def requests(self) -> list[Seen]:
        """The requests since the start or `clear_requests()`, the oldest first."""
        return self.seen()

    def stats(self) -> dict[str, Any]:
        """Count the requests, as `records.count` does."""
        return count(self.requests)


def require_extra(find: Callable[[str], object] = importlib.util.find_spec) -> None:
    """Raise SBX001 if the extra `[sandbox]` is not installed."""
    missing = [
        name for name in ("django", "oauth2_provider", "trustme") if not find(name)
    ]
    if missing:
        raise KitError(
            Problem(
                message="The sandbox is not installed.",
                id="SBX001",
                why="It is an extra of ocarina-kit, and these packages are missing:"
                f" {', '.join(missing)}.",
                remedy=Remedy(
                    "Install ocarina-kit with its extra.",
                    ("pip install 'ocarina-kit[sandbox]'",),
                ),
            )
        )


def _exchange(process: Any, message: Any) -> Any:
    """Send a message, and return the answer."""
    try:
        pickle.dump(message, process.stdin)
        process.stdin.flush()
        # Both ends of the pipe are this package.
        word, answer = pickle.load(process.stdout)  # noqa: S301
    except (OSError, EOFError):
        raise SandboxError("the sandbox has ended") from None
    if word == "error":
        raise SandboxError(answer)
    return answer


def _end(process: Any) -> None:
    """Close the pipe, which is the order to end, and kill what does not obey."""
    with contextlib.suppress(OSError):  # it had ended already, with something unread
        process.stdin.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
