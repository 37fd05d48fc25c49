"""The authorization code grant: the link with state and PKCE, and the pending login that is on disk before it is shown.

RFC 6749 (4.1), RFC 7636, FACTS.md. One private file a login in ``pending/`` of the state folder, named by a hash of its
state: a state comes back in a pasted URL, so it never is a file name itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ocarina_kit.system.secret import Secret

if TYPE_CHECKING:
    from ocarina_kit.config.place import Setup
    from ocarina_kit.system.machine import Machine

CODE_LIFE_S = 60
"""Seconds that a code is valid at the server (FACTS.md)."""
LIFETIME_S = 3600.0
"""Seconds until a pending login is forgotten."""
_CLOCK_SLIP_S = 300.0
"""Seconds by which the clock may have been set back since, or may differ between hosts that share a home."""


class Pending(NamedTuple):
    """A login whose link was shown. ``config`` is its path, "" for ``--env``; ``created`` is epoch seconds.

    The client id and secret are not kept: they are read from the set-up again.
    """

    state: str
    verifier: Secret
    scope: str
    redirect_uri: str
    domain: str
    config: str
    profile: str | None
    created: float

    def belongs_to(self, setup: Setup) -> bool:
        """Whether it began with this set-up: a code is sent only to the server that its link led to."""
        return (self.config, self.profile, self.domain) == (_config(setup), setup.place.profile, setup.domain)


class Used(NamedTuple):
    """A login whose code was sent to the server, at ``sent`` (epoch seconds)."""

    scope: str
    created: float
    sent: float


def new_pending(machine: Machine, setup: Setup, scope: str) -> tuple[Pending, str]:
    """A new login for ``scope`` (names with blanks between), and its link. Save it before the link is shown.

    ``approval_prompt=auto``: if a valid token of this client covers the scopes already, the browser asks nothing.
    """
    import secrets

    from requests_oauthlib import OAuth2Session

    from ocarina_kit.config.url import endpoint

    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(32)
    redirect_uri, page = endpoint(setup.domain, "callback"), endpoint(setup.domain, "authorize")
    with OAuth2Session(setup.client_id, redirect_uri=redirect_uri, scope=scope) as session:
        challenge = session._client.create_code_challenge(verifier, "S256")
        more = {"code_challenge": challenge, "code_challenge_method": "S256", "approval_prompt": "auto"}
        # It takes no http://, which loopback hosts have; only the query is used.
        url, _ = session.authorization_url(page.replace("http:", "https:", 1), state=state, **more)
    whose = (setup.domain, _config(setup), setup.place.profile, machine.now())
    return Pending(state, Secret(verifier), scope, redirect_uri, *whose), f"{page}?{url.partition('?')[2]}"


def save_pending(machine: Machine, pending: Pending) -> None:
    """Keep a login, and forget expired ones. Raises KitError; its link must not be shown then."""
    from ocarina_kit.system.files import make_private_folder, write_private

    make_private_folder(machine.state)
    make_private_folder(machine.state / "pending")
    for path in _files(machine):
        value = _read(path)
        if not _is_young(machine, value.get("sent", value.get("created"))):
            _unlink(path)
    value = {**pending._asdict(), "verifier": pending.verifier.reveal()}
    write_private(_path(machine, pending.state), json.dumps(value).encode())


def waiting(machine: Machine) -> list[Pending]:
    """The logins that are not expired, newest first. Never raises; skips what :func:`save_pending` did not write."""
    found: list[Pending] = []
    for value in map(_read, _files(machine)):
        texts = [value.get(name) for name in Pending._fields[:6]]
        complete = all(isinstance(text, str) for text in texts) and value["state"] and value["verifier"]
        known = complete and isinstance(value.get("profile"), str | None)
        if known and _is_young(machine, value.get("created")):
            fields: dict[str, Any] = {name: value.get(name) for name in Pending._fields}
            fields["verifier"] = Secret(value["verifier"])
            found.append(Pending(**fields))
    return sorted(found, key=lambda each: -each.created)


def use_pending(machine: Machine, pending: Pending) -> None:
    """Forget a login whose code was sent, but for what tells a second paste of the same callback. Never raises.

    What is kept holds neither the state nor the verifier.
    """
    from ocarina_kit.system.errors import KitError
    from ocarina_kit.system.files import write_private

    value = Used(pending.scope, pending.created, machine.now())._asdict()
    try:
        write_private(_path(machine, pending.state), json.dumps(value).encode())
    except KitError:
        _unlink(_path(machine, pending.state))


def used_pending(machine: Machine, state: str) -> Used | None:
    """The login of this state if its code was sent in the last hour. Never raises."""
    value = _read(_path(machine, state))
    try:
        used = Used(str(value["scope"]), float(value["created"]), float(value["sent"]))
    except (KeyError, TypeError, ValueError):
        return None
    return used if _is_young(machine, used.sent) else None


def _config(setup: Setup) -> str:
    return "" if setup.place.from_env else str(setup.place.config)


def _is_young(machine: Machine, then: Any) -> bool:
    """Not too old, and not from the future: the clock may have been set back."""
    is_time = isinstance(then, int | float) and not isinstance(then, bool)
    return is_time and -_CLOCK_SLIP_S <= machine.now() - then < LIFETIME_S


def _path(machine: Machine, state: str) -> Path:
    name = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return machine.state / "pending" / f"{name}.json"


def _files(machine: Machine) -> list[Path]:
    try:
        return sorted((machine.state / "pending").glob("*.json"))
    except OSError:
        return []


def _read(path: Path) -> dict[str, Any]:
    from ocarina_kit.system.files import read_file

    try:
        value = json.loads(read_file(path, cap=1 << 16).content or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
