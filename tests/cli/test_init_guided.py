"""``ocarina-kit init`` in a real terminal: from nothing to Ready, and what else a person may do there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.cli.conftest import LINK, LOOKUP, Lab, add_conda, talk
from tests.conftest import mode_of
from tests.terminal import CTRL_C, Screen

THE_LABS = "MAILTO=lab@example.org\n30 2 * * 0 /usr/local/bin/weekly-backup --all\n"
PURPOSE, AGREE = ("[1] > ", ""), ("Apply these changes? [Y/n]", "")


@pytest.fixture
def person(lab: Lab) -> Lab:
    lab.kit.config.unlink()
    lab.kit.crontab = THE_LABS
    return lab


def answers(lab: Lab) -> list[tuple[str, str]]:
    """Each question up to the link, and its answer."""
    return [
        ("Which Majora?", "3"),
        ("Its address:", lab.majora.url.rstrip("/")),
        ("Your Majora user name:", lab.user.name),
        ("Client id:", lab.app.client_id),
        ("Client secret (hidden):", lab.app.client_secret),
        PURPOSE,
        AGREE,
    ]


def follow_link(lab: Lab, screen: Screen) -> None:
    link = screen.expect(LINK, regex=True)
    screen.wait_until("not echoes")
    screen.paste(lab.authorize(link) + "\n")


def is_all_set(lab: Lab) -> None:
    assert lab.kit.read_config() == lab.config
    assert mode_of(lab.kit.config) == mode_of(lab.kit.tokens) == 0o600
    assert lab.state() == "live"
    ours = r"\d+ \S+ \* \* \* \S+ .*refresh --cron \|\| \S+/ocarina -q oauth refresh # ocarina-kit\n"
    assert re.fullmatch(re.escape(THE_LABS) + ours, lab.kit.crontab or "")


# --- from nothing to Ready, and on from an interrupt ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "env"), [(80, {}), (40, {"TERM": "dumb", "NO_COLOR": "1"})], ids=["80", "40 dumb"]
)
def test_from_nothing_to_ready_and_again(person: Lab, columns: int, env: dict[str, str]) -> None:
    with person.screen("init", columns=columns, env=env) as screen:
        talk(screen, *answers(person))
        follow_link(person, screen)
        for words in ("logged in", "scheduled  every 3 hours at :", "a test run refreshed 1 token"):
            screen.expect(words)
        talk(
            screen, "Ready. Try it:", "ocarina --oauth get biosample --central-sample-id YOUR_SAMPLE", ends=0
        )
        text = screen.text
        assert not env or not re.search(r"\x1b\[[0-9;]*m", screen.raw)  # no colour
    is_all_set(person)
    before = text.split("/o/authorize/")[0]
    for url in (f"{person.majora.url}o/applications/register/", person.majora.redirect_uri):
        assert any(url in line for line in before.splitlines())  # whole, on one line
    wide = [line for line in text.splitlines() if len(line) > columns]
    assert not [line for line in wide if not re.search(r"://|\[Y/n\]|Client id|hidden|--oauth", line)]
    kept = person.kit.config.read_bytes(), person.kit.crontab
    with person.screen("init", columns=columns, env=env) as screen:
        talk(screen, "logged in, refreshed by cron.", ("Change that? [y/N]", ""), ends=0)
        lines = [line for line in screen.text.splitlines() if line and "at most)" not in line]
        assert columns < 80 or len(lines) == 2
    assert kept == (person.kit.config.read_bytes(), person.kit.crontab)


def test_it_installs_a_client_and_one_step_that_fails_stops_no_other(person: Lab, client: Path) -> None:
    person.kit.extra["PATH"] = person.kit.env["PATH"].partition(":")[2]
    add_conda(person)
    with person.screen("init") as screen:
        talk(
            screen,
            *answers(person)[:-1],
            "install   ocarina 1.0.0 in ~/envs/ocarina",
            ("Apply these changes?", "?"),
            "ocarina-kit install-client --dry-run",
            AGREE,
            "wrote",
            "[INS003]",
        )
        follow_link(person, screen)
        talk(screen, "scheduled", "Next step: ocarina-kit init   (goes on from here)", ends=1)
    add_conda(person, installs=str(client.parents[1]))
    with person.screen("init", "--dry-run") as screen:
        screen.expect("Still to do: the client and the crontab line.")
        screen.line()
        talk(screen, "install   ocarina 1.0.0", "Nothing was changed.", ends=0)
    with person.screen("init", "--yes") as screen:
        talk(screen, "installed  ocarina 1.0.0 in ~/envs/ocarina", "scheduled", "Ready.", ends=0)
    is_all_set(person)


def test_ctrl_c_leaves_everything_complete_and_init_goes_on_from_there(person: Lab) -> None:
    with person.screen("init") as screen:
        talk(screen, *answers(person))
        screen.expect(LINK, regex=True)
        screen.wait_until("not echoes")
        screen.send(CTRL_C)
        talk(screen, "Interrupted", ends=130)
        assert screen.echoes
    assert person.kit.config.exists()
    assert person.kit.crontab == THE_LABS
    with person.screen("init") as screen:  # no question of before is asked again
        talk(screen, "Still to do: a login and the crontab line.", ("Change that? [y/N]", ""), PURPOSE, AGREE)
        follow_link(person, screen)
        talk(screen, "Ready.", ends=0)
    is_all_set(person)


def test_a_line_that_was_disabled_is_left(person: Lab) -> None:
    """Only schedule uses it again (CONTRACT.md, schedule)."""
    person.kit.write_config(person.config)
    person.give(LOOKUP)
    with person.screen("init", "--yes") as screen:
        talk(
            screen,
            "Still to do: the crontab line.",
            "valid      look up samples and runs",
            "scheduled",
            "Ready.",
            ends=0,
        )
        assert "authorize" not in screen.text
    is_all_set(person)
    ours = (person.kit.crontab or "").splitlines()[-1]
    person.kit.crontab = f"# {ours}\n"
    with person.screen("init", "--yes") as screen:
        talk(screen, "commented out. To have one here anyway: ocarina-kit schedule", ends=0)
    assert person.kit.crontab == f"# {ours}\n"


# --- answers that cannot be used --------------------------------------------------------------------------------------


def test_each_answer_is_checked_at_once_and_nothing_pasted_is_shown(person: Lab) -> None:
    app, mistaken = person.app, "w" * 128
    person.kit.secrets.add(mistaken)
    address, name, id, secret = (question for question, _ in answers(person)[1:5])
    with person.screen("init") as screen:
        talk(screen, ("Which Majora?", "3"))
        for question, answer, said in (
            (address, "3", "does not start with https://"),
            (address, "https://nowhere.invalid/", "SRV001"),
            ("Use this address anyway? [y/N]", "", "Which Majora?"),
            (">", "3", address),
            ("", f" <{person.majora.url}o/applications/>", "one of Majora's pages; corrected"),
            (name, "?", "Could you please approve my account?"),
            (name, "your-username", "placeholder"),
            (name, person.user.name, "Register ocarina"),
            (id, "?", "Could you please allow"),
            (id, "pbkdf2_sha256$1$a$b", "hash"),
            (id, app.client_id, "Client secret"),
            ("(hidden):", "your-client-secret", "placeholder"),
            (secret, app.client_id, "one of them was pasted twice"),
            (secret, mistaken, "does not accept"),
            (secret, "", "Client id"),  # back to it: a secret pasted there is not shown either
            ("(hidden):", app.client_secret, "128 characters"),
            (secret, app.client_id, "were swapped; corrected"),
        ):
            talk(screen, (question, answer), said)
        talk(
            screen,
            "Majora accepts them.",
            PURPOSE,
            ("Apply these changes?", "n"),
            "Nothing was changed.",
            ends=0,
        )
    assert not person.kit.config.exists()


# --- an existing file, options ------------------------------------------------------------------------------------


def test_what_is_given_is_not_asked_and_yes_agrees(person: Lab) -> None:
    given = {name: value for name, value in person.config.items() if name != "CLIENT_SECRET"}
    person.kit.write_config({"MAJORA_USER": "old", "mine": 1})
    args = ("--config-only", "--yes", "--client-secret-file", "-")
    with person.screen("init", *args, env=given) as screen:
        talk(screen, ("Client secret (hidden):", person.app.client_secret))
        for words in ('-    "MAJORA_USER": "old"', "wrote", "Next step: ocarina-kit login"):
            screen.expect(words)
        assert screen.wait() == 0
        assert "This sets up" not in screen.text
    assert person.kit.read_config() == {**person.config, "mine": 1}


def test_a_legacy_key_becomes_oauth_and_a_broken_file_is_replaced(person: Lab) -> None:
    key, filler = person.majora.add_legacy_key(person.user), "not-used-with-an-api-key"
    person.kit.secrets.add(key)
    legacy = {"MAJORA_TOKEN": key, "CLIENT_ID": filler, "CLIENT_SECRET": filler}
    person.kit.write_config({**person.config, **legacy})
    with person.screen("init", "--config-only") as screen:
        talk(
            screen,
            "with a legacy API key",
            ("Change that?", "y"),
            ("[3] >", ""),
            (f"Its address [{person.majora.url}]", ""),
            (f"[{person.user.name}]", ""),
            *answers(person)[3:5],
            AGREE,
            ends=0,
        )
    assert person.kit.read_config() == person.config
    with person.screen("init", "--config-only") as screen:
        talk(
            screen,
            ("Change that?", "y"),
            ("[3] >", ""),
            ("Its address", ""),
            ("user name", ""),
            (f"Client id [{person.app.client_id}]", ""),
            ("keeps the current one (hidden):", ""),
            "Nothing to change",
            ends=0,
        )
    person.kit.config.write_bytes(b'{"MAJORA_USER": oops')
    with person.screen("init", "--config-only", "--json") as screen:
        talk(screen, "[CFG002]", *answers(person)[:5], AGREE, ends=0)
        assert json.loads(screen.text[screen.text.index("\n{") :])["ok"]
    assert person.kit.read_config() == person.config


def test_a_server_that_fails_is_not_asked_about_the_rest(person: Lab) -> None:
    person.majora.fault("status", status=503, path="o/token/", times=None)
    with person.screen("init", "--config-only") as screen:
        talk(screen, *answers(person)[:2], "[SRV004]", ("Use this address anyway?", "y"))
        talk(screen, *answers(person)[2:5], AGREE, ends=0)
    assert person.kit.read_config() == person.config
