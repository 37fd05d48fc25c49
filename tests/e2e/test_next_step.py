"""With each of these broken set-ups, the last line of ``doctor`` says what to do, and doing it fixes what is broken."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import LOOKUP, Lab

# Whether a cron daemon runs is the machine's own affair.
DOCTOR = ("doctor", "--skip", "CRN006", "--timeout", "60")


def do(lab: Lab, line: str) -> None:
    """What a person does who reads the line."""
    words = shlex.split(line)
    assert words[0] == "ocarina-kit", line
    if words[1] == "login":
        link = lab.kit.run("login", "--print-url", *words[2:])
        assert link.code == 0, link
        done = lab.kit.run("login", "--callback", "-", stdin=lab.authorize(link.out.strip()))
    elif words[1] == "init":
        known = ["--domain", lab.majora.url, "--user", lab.user.name, "--client-id", lab.app.client_id]
        options = ["--client-secret-file", "-", "--yes"]
        done = lab.kit.run(*words[1:], *known, *options, stdin=lab.app.client_secret)
    elif words[1:3] == ["doctor", "--fix"] or words[1] == "schedule":
        done = lab.kit.run(*words[1:], "--yes")
    else:
        done = lab.kit.run(*words[1:])
        # Only the server knew that the refresh token is invalid too: the last line says what next.
        if done.code == 4:
            do(lab, done.err.splitlines()[-1].strip().removeprefix("Try: "))
            return
    assert done.code in (0, 1) if "--fix" in words else done.code == 0, done


@pytest.fixture
def healthy(lab: Lab) -> Lab:
    lab.give(LOOKUP)
    do(lab, "ocarina-kit schedule")
    return lab


def stale_line(lab: Lab) -> None:
    lab.kit.crontab = (lab.kit.crontab or "").replace("/bin/ocarina -q", "/gone/ocarina -q")


BROKEN: dict[str, Callable[[Lab], object]] = {
    "CFG001": lambda lab: lab.kit.config.unlink(),
    "CFG007": lambda lab: lab.kit.write_config({**lab.config, "MAJORA_DOMAIN": lab.majora.url.rstrip("/")}),
    "CRD001": lambda lab: lab.kit.write_config({**lab.config, "CLIENT_SECRET": "x1" * 64}),
    "TOK001": lambda lab: lab.kit.tokens.unlink(),
    "TOK004": lambda lab: lab.has_expired(),
    "API001": lambda lab: lab.majora.revoke(lab.kit.read_tokens()[LOOKUP]),
    "CRN002": lambda lab: Path(lab.kit.crontab_file).unlink(),
    "CRN004": stale_line,
}


@pytest.mark.parametrize("id", BROKEN)
def test_the_last_line_says_what_to_do_and_doing_it_works(healthy: Lab, id: str) -> None:
    BROKEN[id](healthy)
    ran = healthy.kit.run(*DOCTOR)
    assert re.search(rf"^ *failed +{id} ", ran.out, re.MULTILINE), ran
    for _ in range(3):  # what one fix brings to light is the next one's
        last = ran.out.splitlines()[-1]
        do(healthy, last.removeprefix("Next step: ").partition("  (")[0])
        ran = healthy.kit.run(*DOCTOR)
        if ran.code == 0:
            break
    assert ran.code == 0, ran
