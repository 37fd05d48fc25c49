"""``ocarina-kit sandbox``: a Majora to try everything on, until Ctrl-C."""

from __future__ import annotations

import json
import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ocarina_kit.core.errors import Exit
from ocarina_kit.sandbox import totp
from ocarina_kit.sandbox.handle import Sandbox
from ocarina_kit.sandbox.records import User
from ocarina_kit.sandbox.standin import install_standin


def run_sandbox(
    *,
    say: Callable[[str], None],
    port: int = 0,
    tls: bool = False,
    user: str = "sandbox",
    two_factor: bool = True,
    client: bool = True,
    as_json: bool = False,
    wait: Callable[[Sandbox], None] = Sandbox.wait,
) -> Exit:
    """Start a sandbox with one ready account, say how to use it, and serve until interrupted.

    ``port`` 0 takes a free one. ``client``: install a stand-in client beside it. ``as_json``: say one JSON
    document, on one line, when it is ready. ``wait`` returns when it is time to stop. Everything lies in one
    temporary folder, a home to play in included, and goes with it at the end.

    An interrupt is the way to end it, so that is ``Exit.OK``. Raises
    :class:`~ocarina_kit.core.errors.KitError` ``SBX001`` (extra missing) and ``SBX002`` (port taken).
    """
    with _interrupted_by_signals(), Sandbox.start(port=port, tls=tls, shows_codes=two_factor) as majora:
        try:
            account = majora.add_user(user, two_factor=two_factor)
            majora.add_sample("DEMO-0001")
            home = majora.folder / "home"
            home.mkdir()
            script = install_standin(majora.folder / "client") if client else None
            if as_json:
                say(json.dumps(_document(majora, account, home, script)))
            else:
                for line in _welcome(majora, account, home, script):
                    say(line)
            wait(majora)
        except KeyboardInterrupt:
            pass
    if not as_json:
        say("The sandbox has ended, and its folder is gone.")
    return Exit.OK


def _document(majora: Sandbox, account: User, home: Path, script: Path | None) -> dict[str, Any]:
    return {
        "schema": 1,
        "command": "sandbox",
        "ok": True,
        "exit": int(Exit.OK),
        "url": majora.url,
        "ca_file": str(majora.ca_file) if majora.ca_file else None,
        "user": account.name,
        "password": account.password,
        "totp_secret": account.totp_secret,
        "home": str(home),
        "client": str(script) if script else None,
    }


def _welcome(majora: Sandbox, account: User, home: Path, script: Path | None) -> Iterator[str]:
    yield f"A Majora for this machine alone is up at {majora.url}"
    yield ""
    yield f"  User           {account.name}"
    yield f"  Password       {account.password}"
    if account.totp_secret:
        yield f"  Second factor  the code shown at {majora.url} (reload for a new one),"
        yield "                 or add this to an authenticator app:"
        yield f"                 {totp.setup_uri(account.totp_secret, account.name)}"
    else:
        yield "  Second factor  none: the server will refuse to hand out tokens, as Majora does"
    yield "  Sample         DEMO-0001"
    yield ""
    yield "In another terminal, with a home of its own, so that your real set-up stays as it is:"
    yield ""
    yield f"  export HOME={shlex.quote(str(home))}"
    if script:
        yield f"  export PATH={shlex.quote(str(script.parent))}:$PATH"
    if majora.ca_file:
        yield f"  export REQUESTS_CA_BUNDLE={shlex.quote(str(majora.ca_file))}"
    yield f"  ocarina-kit init --domain {majora.url} --user {shlex.quote(account.name)}"
    yield "  ocarina-kit login"
    yield "  ocarina-kit doctor"
    if script:
        yield "  ocarina --oauth get biosample --central-sample-id DEMO-0001"
    yield ""
    yield "Your crontab does not live in that home: `ocarina-kit schedule --print` shows the line without adding it."
    yield "Press Ctrl-C to end the sandbox. Nothing is kept."


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """A polite kill, and a closed terminal, end it as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
