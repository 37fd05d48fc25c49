"""The test's side of a sandbox: starts the server's process and rules it over a pipe."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.sandbox import totp
from ocarina_kit.sandbox.faults import Fault, digest
from ocarina_kit.sandbox.records import Application, SandboxError, Seen, User, count

LIFETIME = 36_000
"""Seconds that an access token lives (FACTS.md)."""
_START_LIMIT = 60.0
_STOP_LIMIT = 5.0

Permissions = list[str] | Literal["all"]
Certificate = Literal["good", "expired", "other-host"]


class Sandbox:
    """A running Majora. Make one with :meth:`start`; it is a context manager. Safe to use from several threads."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str], ready: Mapping[str, Any]) -> None:
        self._process = process
        self._log = log
        self._pipe = threading.Lock()
        self._offset = 0.0
        self.url: str = ready["url"]
        """The base URL, with its last slash: MAJORA_DOMAIN."""
        self.ca_file: Path | None = Path(ready["ca_file"]) if ready["ca_file"] else None
        """The throwaway authority's certificate (PEM), where it speaks TLS."""
        self.folder = Path(ready["folder"])
        """The server's own folder: gone, with all that is in it, when the server ends."""

    @classmethod
    def start(
        cls,
        *,
        tls: bool = False,
        port: int = 0,
        certificate: Certificate = "good",
        fold_slashes: bool = True,
        minimum_client: str = "0.44.0",
        query_scope: str = "majora2.view_biosampleartifact",
        shows_codes: bool = False,
    ) -> Sandbox:
        """Start a server on 127.0.0.1 and wait until it answers.

        ``port`` 0 takes a free one. ``certificate`` (with ``tls``): one that is good, expired, or for another
        host. ``fold_slashes``: fold double slashes under ``/api/``, as Majora's front end does. ``query_scope``:
        what the sample queries ask of a token; blank for none. ``shows_codes``: show the second factor's code
        on the start page.

        Raises :class:`~ocarina_kit.core.errors.KitError` ``SBX001`` where the extra is not installed, and
        ``SBX002`` where the server does not start.
        """
        require_extra()
        log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed in stop()
        process = subprocess.Popen(
            [sys.executable, "-m", "ocarina_kit.sandbox"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            env=_environment(),
            cwd=tempfile.gettempdir(),
            start_new_session=True,  # the end of the pipe ends it, and no signal that is meant for us
        )
        too_late = threading.Timer(_START_LIMIT, process.kill)
        too_late.start()
        try:
            options = {
                "port": port,
                "tls": tls,
                "certificate": certificate,
                "fold_slashes": fold_slashes,
                "minimum_client": minimum_client,
                "query_scope": query_scope,
                "shows_codes": shows_codes,
            }
            _write(process, options)
            ready = _read(process)
        except BaseException as problem:
            _end(process)
            words = _tail(log)
            log.close()
            if isinstance(problem, SandboxError):
                why = str(problem)
                port_is_why = why.startswith("port ")
                raise KitError(
                    "the sandbox did not start",
                    id="SBX002",
                    why=why if port_is_why or not words else f"{why} ({words})",
                    remedy=Remedy("Choose another port, or leave the port out to take a free one.")
                    if port_is_why
                    else None,
                ) from None
            raise
        finally:
            too_late.cancel()
        return cls(process, log, ready)

    def stop(self) -> None:
        """End the server; its folder goes with it. May be called twice."""
        with self._pipe:
            _end(self._process)
            self._log.close()

    def wait(self) -> None:
        """Return when the server has ended by itself."""
        self._process.wait()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Sandbox({self.url})"

    # People

    def add_user(
        self,
        name: str,
        *,
        password: str | None = None,
        permissions: Permissions = "all",
        two_factor: bool = True,
        active: bool = True,
    ) -> User:
        """A new account. ``permissions`` are scope names (``majora2.…``)."""
        password = password if password is not None else secrets.token_urlsafe(12)
        made = self._do(
            "add_user",
            name=name,
            password=password,
            permissions=permissions,
            two_factor=two_factor,
            active=active,
        )
        return User(name, password, made["totp_secret"])

    def set_permissions(self, user: User, permissions: Permissions) -> None:
        self._do("set_permissions", name=user.name, permissions=permissions)

    def set_active(self, user: User, active: bool) -> None:
        self._do("set_active", name=user.name, active=active)

    def set_two_factor(self, user: User, enabled: bool) -> User:
        """Turn the second factor on (with a new shared secret) or off; answers the account as it then is."""
        return User(user.name, user.password, self._do("set_two_factor", name=user.name, enabled=enabled))

    def second_factor_code(self, user: User) -> str:
        """What the person's phone shows now, by the server's clock."""
        if user.totp_secret is None:
            raise SandboxError(f"{user.name} has no second factor")
        return totp.code_at(user.totp_secret, time.time() + self._offset)

    def add_legacy_key(self, user: User, *, age: float = 0.0) -> str:
        """A legacy API key, issued ``age`` seconds ago; it lives 3 days."""
        key: str = self._do("add_legacy_key", name=user.name, age=age)
        return key

    def revoke_legacy_key(self, key: str) -> None:
        self._do("revoke_legacy_key", key=key)

    def add_sample(self, name: str) -> None:
        """A biosample that the queries then find."""
        self._do("add_sample", name=name)

    # Applications and tokens

    def add_application(self, user: User, redirect_uri: str | None = None) -> Application:
        """A confidential application with the authorization code grant; ``redirect_uri``: ``<url>o/callback/``."""
        redirect_uri = redirect_uri if redirect_uri is not None else self.redirect_uri
        made = self._do("add_application", name=user.name, redirect_uri=redirect_uri)
        return Application(made["client_id"], made["client_secret"], redirect_uri)

    def remove_application(self, application: Application) -> None:
        """Delete it, and its tokens with it."""
        self._do("remove_application", client_id=application.client_id)

    def applications(self, user: User) -> list[dict[str, str]]:
        """What the user has registered, by hand or not: the six fields of the form."""
        mine: list[dict[str, str]] = self._do("applications", name=user.name)
        return mine

    @property
    def redirect_uri(self) -> str:
        return self.url + "o/callback/"

    def grant(self, user: User, application: Application, scope: str, age: float = 0.0) -> dict[str, Any]:
        """A token that was issued ``age`` seconds ago, as the client stores it (FACTS.md, Tokens file).

        No browser, no request. ``expires_at`` is by this machine's clock, as the client reckons it.
        """
        made = self._do("grant", name=user.name, client_id=application.client_id, scope=scope, age=float(age))
        return {
            "access_token": made["access_token"],
            "expires_in": LIFETIME,
            "token_type": "Bearer",
            "scope": scope.split(" "),
            "refresh_token": made["refresh_token"],
            "expires_at": time.time() + LIFETIME - age,
        }

    def expire_tokens(self) -> None:
        """Every access token is expired from now on, for the server; refresh tokens live on."""
        self._do("expire_tokens")

    def revoke(self, token: Mapping[str, Any] | str) -> bool:
        """Make a token dead, as another process that spent it would: a pair by its refresh token, or one string.

        Whether there was anything to revoke.
        """
        text = token if isinstance(token, str) else token["refresh_token"]
        return bool(self._do("revoke", token=text))

    def token_state(self, token: str) -> str:
        """Of an access or refresh token: ``live``, ``expired``, ``dead`` (revoked or spent) or ``unknown``."""
        state: str = self._do("token_state", token=token)
        return state

    # A person in a browser

    def authorize(self, user: User, url: str) -> str:
        """Open an authorize link as this person would: log in, second factor, Authorize.

        Answers the address that the browser ends at, which is what gets pasted (also where the server
        redirected there with an error). Raises :class:`SandboxError` where it ended elsewhere.
        """
        return self._person().answer(user, url, allow=True)

    def deny(self, user: User, url: str) -> str:
        """The same, and Cancel."""
        return self._person().answer(user, url, allow=False)

    def browser(self, user: User) -> Any:
        """A :class:`requests.Session` that is logged in as this person."""
        person = self._person()
        person.log_in(user)
        return person.session

    def _person(self) -> Any:
        from ocarina_kit.sandbox.person import Person

        return Person(self.url, self.ca_file, self.second_factor_code)

    # The server itself

    @property
    def offset(self) -> float:
        """Seconds that the server's clock is ahead of this machine's."""
        return self._offset

    def shift_clock(self, seconds: float) -> None:
        """Move the server's whole notion of now: Date header, lifetimes, second factor. Adds up."""
        self._offset = self._do("shift_clock", seconds=seconds)

    def configure(self, *, minimum_client: str | None = None, query_scope: str | None = None) -> None:
        """Change what :meth:`start` was told; None leaves it."""
        self._do("configure", minimum_client=minimum_client, query_scope=query_scope)

    def fault(
        self,
        kind: str,
        path: str = "o/token/",
        *,
        times: int | None = None,
        token: str | None = None,
        **detail: Any,
    ) -> None:
        """Play a fault on the requests to ``path`` (``*`` and ``?`` as in a shell); see :mod:`.faults` for the kinds.

        ``times``: how many requests it meets; None for all. ``token``: only those that carry this refresh or
        access token. Further: ``after``, ``method``, ``grant_type`` and the members of
        :class:`~ocarina_kit.sandbox.faults.Fault` that its kind reads.
        """
        chosen = {"kind": kind, "path": path, "times": times, **detail}
        if token is not None:
            chosen["token"] = digest(token)
        try:
            Fault(**chosen)  # wrong names and kinds fail here, where the test's own line is in the traceback
        except TypeError as problem:
            raise ValueError(str(problem)) from None
        self._do("add_fault", fault=chosen)

    def clear_faults(self) -> None:
        self._do("clear_faults")

    @property
    def requests(self) -> list[Seen]:
        """Every request since the start or :meth:`clear_requests`, in order of arrival."""
        return [Seen(**line) for line in self._do("requests")]

    def clear_requests(self) -> None:
        self._do("clear_requests")

    def stats(self) -> dict[str, Any]:
        """Counts over :attr:`requests`.

        ``requests``, ``token_posts``, ``refreshes`` (processed with success), ``grants`` (codes exchanged),
        ``refused`` (token requests that Django refused), ``sent`` (digest of each refresh token to how often
        it arrived) and ``spent`` (digest to how often it was taken: never more than 1).
        """
        return count(self.requests)

    def _do(self, command: str, **arguments: Any) -> Any:
        with self._pipe:
            if self._process.poll() is not None:
                raise SandboxError("the sandbox has ended")
            _write(self._process, {"do": command, "with": arguments})
            try:
                return _read(self._process)
            except SandboxError as problem:
                raise SandboxError(f"{command}: {problem}") from None


def require_extra(find: Callable[[str], object] = importlib.util.find_spec) -> None:
    """Raise ``SBX001`` where the extra ``[sandbox]`` is not installed."""
    missing = [name for name in ("django", "oauth2_provider", "trustme") if not find(name)]
    if missing:
        raise KitError(
            "the sandbox is not installed",
            id="SBX001",
            why=f"it is an extra of ocarina-kit, and these packages are missing: {', '.join(missing)}",
            remedy=Remedy("Install ocarina-kit with its extra.", ("pip install 'ocarina-kit[sandbox]'",)),
        )


def _environment() -> dict[str, str]:
    """This process's, with the package findable from any folder, and no Django settings of the caller's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    source = str(Path(__file__).parents[2])
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = source + (os.pathsep + known if known else "")
    return environment


def _write(process: subprocess.Popen[str], message: Mapping[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101  # opened as a pipe above
    try:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
    except OSError as problem:
        raise SandboxError(f"the sandbox has ended: {problem.strerror}") from None


def _read(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None  # noqa: S101  # opened as a pipe above
    line = process.stdout.readline()
    if not line:
        raise SandboxError("the sandbox has ended")
    answer = json.loads(line)
    if "error" in answer:
        raise SandboxError(answer["error"])
    return answer["ok"]


def _end(process: subprocess.Popen[str]) -> None:
    """Close the pipe, which is the order to end; kill only what does not obey."""
    assert process.stdin is not None  # noqa: S101  # opened as pipes above
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(OSError):  # it had ended already, with something unread
        process.stdin.close()
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _tail(log: IO[str]) -> str:
    log.seek(0)
    lines = log.read().strip().splitlines()
    return lines[-1] if lines else ""
