"""In each of these broken set-ups, the last line of ``doctor`` says what to do.

Doing it fixes what is broken.
"""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import LOOKUP, Lab

from ocarina_kit.sandbox import install_standin

# Whether a cron daemon runs is the machine's own affair.
DOCTOR = ("doctor", "--skip", "CRN006", "--timeout", "60")


def do(lab: Lab, line: str) -> None:
    """What a person does who reads the line."""
    program, command, *options = shlex.split(line)
    assert program == "ocarina-kit", line
    if command == "login":
        link = lab.kit.run("login", "--print-url", *options)
        done = lab.kit.run(
            "login", "--callback", "-", stdin=lab.authorize(link.out.strip())
        )
    elif command == "init":
        options += [
            "--domain",
            lab.majora.url,
            "--user",
            lab.user.name,
            "--client-id",
            lab.app.client_id,
        ]
        options += ["--client-secret-file", "-", "--yes"]
        done = lab.kit.run("init", *options, stdin=lab.app.client_secret)
    else:
        agreed = ["--yes"] if command in ("doctor", "schedule") else []
        done = lab.kit.run(command, *options, *agreed)
    if done.code == 4:
        # Only the server knew that the refresh token is invalid, too. The last line
        # says what comes next.
        do(lab, done.err.splitlines()[-1].strip().removeprefix("Try: "))
    else:
        assert done.code in (0, 1) if "--fix" in options else done.code == 0, done


BROKEN: dict[str, Callable[[Lab], object]] = {
    "CFG001": lambda lab: lab.kit.config.unlink(),
    "CFG007": lambda lab: lab.kit.write_config(
        {**lab.config, "MAJORA_DOMAIN": lab.majora.url.rstrip("/")}
    ),
    "CRD001": lambda lab: lab.kit.write_config(
        {**lab.config, "CLIENT_SECRET": "x1" * 64}
    ),
    "TOK001": lambda lab: lab.kit.tokens.unlink(),
    "TOK004": lambda lab: lab.has_expired(),
    "API001": lambda lab: lab.majora.revoke(lab.kit.read_tokens()[LOOKUP]),
    "CRN002": lambda lab: lab.kit.crontab_file.unlink(),
    "CRN004": lambda lab: lab.kit.crontab_file.write_text(
        lab.kit.crontab.replace("/bin/ocarina", "/no/ocarina")
    ),
}


@pytest.mark.parametrize("id", BROKEN)
def test_the_last_line_says_what_to_do_and_doing_it_works(lab: Lab, id: str) -> None:
    lab.give(LOOKUP, age=300)
    do(lab, "ocarina-kit schedule")
    BROKEN[id](lab)
    ran = lab.kit.run(*DOCTOR)
    assert re.search(rf"^ *failed +{id} ", ran.out, re.MULTILINE), ran
    for _ in range(3):  # what one fix brings to light is the next one's
        last = ran.out.splitlines()[-1]
        do(lab, last.removeprefix("Next step: ").partition("  (")[0])
        ran = lab.kit.run(*DOCTOR)
        if ran.code == 0:
            break
    assert ran.code == 0, ran


def test_an_inactive_account_is_named_with_whom_to_write_to(lab: Lab) -> None:
    """Majora goes on refreshing; only its API refuses. No command can fix that."""
    lab.give(LOOKUP, age=300)
    do(lab, "ocarina-kit schedule")
    lab.majora.set_active(lab.user, False)
    person = (
        f'Write to the lead of your site: "Majora refuses my account {lab.user.name}'
    )
    doctor = [*DOCTOR, "--skip", "CRN008"]
    first = lab.kit.run(*doctor)
    assert first.out.splitlines()[-1] == "Next step: ocarina-kit doctor --fix"
    fixed = lab.kit.run(*doctor, "--fix", "--yes")
    assert fixed.code == 1
    again = lab.kit.run(*doctor)
    for ran in (fixed, again):
        assert ran.out.splitlines()[-1].startswith(f"Next step: {person}"), ran
        assert person in " ".join(ran.out.split()), ran
    test = lab.kit.run("schedule", "--test")
    lab.has_expired()
    login = lab.kit.run("login")
    for ran in (test, login):
        assert (ran.code, "[API001]" in ran.err) == (1, True), ran
        assert person in " ".join(ran.err.split()), ran
    lab.majora.set_active(lab.user, True)
    assert lab.kit.run(*doctor).code == 0


def test_an_accepted_client_wins_and_the_shells_own_is_named(
    lab: Lab, tmp_path: Path
) -> None:
    """The guide's 0.36.1 first on PATH.

    It names scopes that the new client never uses.
    """
    old = install_standin(tmp_path / "old", "0.36.1")
    path = lab.kit.env["PATH"]
    lab.kit.extra["PATH"] = f"{old.parent}:{path}"
    link = lab.kit.run("login", "--print-url").out.strip()
    done = lab.kit.run("login", "--callback", "-", stdin=lab.authorize(link))
    assert done.code == 0, done
    assert f"  {lab.client} --oauth get biosample" in done.out
    assert list(lab.kit.read_tokens()) == [LOOKUP]
    lab.kit.crontab = f"7 */3 * * * {old} oauth refresh # ocarina-kit\n"
    for command in ("schedule --yes", "init --yes"):
        if command == "init --yes":
            lab.talk(command, "refreshed by cron", "Your shell runs", "export PATH=")
        else:
            do(lab, f"ocarina-kit {command.removesuffix(' --yes')}")
        assert str(lab.client) in (lab.kit.crontab or "")
        assert str(old) not in (lab.kit.crontab or "")
    ran = lab.kit.run(*DOCTOR)
    assert (ran.code, "ENV004" in ran.out) == (1, True), ran
    last = ran.out.splitlines()[-1]
    assert last.startswith(f"Next step: export PATH={lab.client.parent}:$PATH"), ran
    assert f"Your shell runs {old}" in " ".join(ran.out.split()), ran
    lab.kit.extra["PATH"] = f"{lab.client.parent}:{old.parent}:{path}"
    assert lab.kit.run(*DOCTOR).code == 0
