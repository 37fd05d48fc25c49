"""`ocarina-kit sandbox`: a Majora to try everything on, until Ctrl-C."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from ocarina_kit.sandbox.handle import Sandbox
from ocarina_kit.sandbox.records import User
from ocarina_kit.sandbox.standin import install_standin
from ocarina_kit.system.machine import this_machine
from ocarina_kit.system.problem import Exit
from ocarina_kit.system.signals import as_interrupts

SAMPLE = "DEMO-0001"


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
) -> int:
    """Serve a sandbox with one ready account until interrupted.

    The lines that it says at its start explain how to use it.
    Everything is in one temporary folder, a home included, and is removed with it. An
    interrupt is the way to end it (Ctrl-C, a polite kill, a closed terminal), so that
    is `Exit.OK`.

    Args:
        say: Shows a line.
        port: 0 takes a free one.
        tls: Serve https.
        user: The name of the account.
        two_factor: Give the account a second factor.
        client: Install the stand-in client.
        as_json: Say one JSON document, on one line, when it is ready.
        wait: Returns when it is time to stop.

    Raises:
        KitError: SBX001 if the extra is missing, SBX002 if the port is taken.
    """
    with (
        as_interrupts(),
        Sandbox.start(port=port, tls=tls, shows_codes=two_factor) as majora,
    ):
        try:
            account = majora.add_user(user, two_factor=two_factor)
            majora.add_sample(SAMPLE)
            home = majora.folder / "home"
            home.mkdir()
            script = install_standin(majora.folder / "client") if client else None
            lines = _document if as_json else _welcome
            for line in lines(majora, account, home, script):
                say(line)
            wait(majora)
        except KeyboardInterrupt:
            pass
    if not as_json:
        say("The sandbox has ended. Its folder was removed.")
    return Exit.OK


def _document(
    majora: Sandbox, account: User, home: Path, script: Path | None
) -> Iterator[str]:
    document = {
        **{"schema": 1, "command": "sandbox", "ok": True, "exit": Exit.OK},
        "url": majora.url,
        "ca_file": str(majora.ca_file) if majora.ca_file else None,
        "user": account.name,
        "password": account.password,
        "totp_secret": account.totp_secret,
        "home": str(home),
        "client": str(script) if script else None,
    }
    yield json.dumps(document)


def _welcome(
    majora: Sandbox, account: User, home: Path, script: Path | None
) -> Iterator[str]:
    machine, port = this_machine(), majora.url.rstrip("/").rpartition(":")[2]
    yield f"The practice Majora runs at {majora.url} (this machine only)."
    yield f"\n  User           {account.name}"
    yield f"  Password       {account.password}"
    if account.totp_secret:
        yield f"  Second factor  the code shown at {majora.url} (reload for a new one)"
    else:
        yield (
            "  Second factor  none: this server will refuse to hand out tokens, as"
            " Majora does"
        )
    yield f"""\
  Sample         {SAMPLE}

Is your browser on another computer, such as your laptop? \
Run this there, then open the same address:

  ssh -N -L {port}:127.0.0.1:{port} {machine.user}@{machine.host}

In another terminal here, with a home of its own, so that your real files do not change:

  export HOME={shlex.quote(str(home))}"""
    if script:
        yield f"  export PATH={shlex.quote(str(script.parent))}:$PATH"
    if majora.ca_file:
        yield f"  export REQUESTS_CA_BUNDLE={shlex.quote(str(majora.ca_file))}"
    # Not all of init: your crontab is not in that home, and the sandbox does not last.
    name = shlex.quote(account.name)
    yield f"""\
  ocarina-kit init --config-only --domain {majora.url} --user {name}
  ocarina-kit login
  ocarina-kit doctor"""
    if script:
        yield f"  ocarina --oauth get biosample --central-sample-id {SAMPLE}"
    yield (
        "\nYour crontab is not in that home: `ocarina-kit schedule --print` shows the"
        " line without adding it."
    )
    yield "Press Ctrl-C to end the sandbox. Nothing is kept."
