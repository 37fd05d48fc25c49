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
        screen.expect("Ready. Try it:")
        screen.expect("ocarina --oauth get biosample --central-sample-id YOUR_SAMPLE")
        assert screen.wait() == 0
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
        screen.expect("logged in, refreshed by cron.")
        talk(screen, ("Change that? [y/N]", ""))
        assert screen.wait() == 0
        lines = [line for line in screen.text.splitlines() if line and "at most)" not in line]
        assert columns < 80 or len(lines) == 2
    assert kept == (person.kit.config.read_bytes(), person.kit.crontab)


def test_it_installs_a_client_and_one_step_that_fails_stops_no_other(person: Lab, client: Path) -> None:
    person.kit.extra["PATH"] = person.kit.env["PATH"].partition(":")[2]
    add_conda(person)
    with person.screen("init") as screen:
        talk(screen, *answers(person)[:-1])
        screen.expect("install   ocarina 1.0.0 in ~/envs/ocarina")
        talk(screen, ("Apply these changes?", "?"))
        screen.expect("ocarina-kit install-client --dry-run")
        talk(screen, AGREE)
        screen.expect("wrote")
        screen.expect("[INS003]")
        follow_link(person, screen)
        screen.expect("scheduled")
        screen.expect("Next step: ocarina-kit init   (goes on from here)")
        assert screen.wait() == 1
    add_conda(person, installs=str(client.parents[1]))
    with person.screen("init", "--dry-run") as screen:
        screen.expect("Still to do: the client.")
        screen.line()
        screen.expect("install   ocarina 1.0.0")
        screen.expect("Nothing was changed.")
        assert screen.wait() == 0
    with person.screen("init", "--yes") as screen:
        screen.expect("installed  ocarina 1.0.0 in ~/envs/ocarina")
        screen.expect("scheduled")
        screen.expect("Ready.")
        assert screen.wait() == 0
    is_all_set(person)


def test_ctrl_c_leaves_everything_complete_and_init_goes_on_from_there(person: Lab) -> None:
    with person.screen("init") as screen:
        talk(screen, *answers(person))
        screen.expect(LINK, regex=True)
        screen.wait_until("not echoes")
        screen.send(CTRL_C)
        screen.expect("Interrupted")
        assert screen.wait() == 130
        assert screen.echoes
    assert person.kit.config.exists()
    assert person.kit.crontab == THE_LABS
    with person.screen("init") as screen:  # no question of before is asked again
        screen.expect("Still to do: a login and the crontab line.")
        talk(screen, ("Change that? [y/N]", ""), PURPOSE, AGREE)
        follow_link(person, screen)
        screen.expect("Ready.")
        assert screen.wait() == 0
    is_all_set(person)


def test_a_line_that_was_disabled_is_left(person: Lab) -> None:
    """Only schedule uses it again (CONTRACT.md, schedule)."""
    person.kit.write_config(person.config)
    person.give(LOOKUP)
    with person.screen("init", "--yes") as screen:
        screen.expect("Still to do: the crontab line.")
        screen.expect("valid      look up samples and runs")
        screen.expect("scheduled")
        screen.expect("Ready.")
        assert screen.wait() == 0
        assert "authorize" not in screen.text
    is_all_set(person)
    ours = (person.kit.crontab or "").splitlines()[-1]
    person.kit.crontab = f"# {ours}\n"
    with person.screen("init", "--yes") as screen:
        screen.expect("commented out. To have one here anyway: ocarina-kit schedule")
        assert screen.wait() == 0
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
            talk(screen, (question, answer))
            screen.expect(said)
        screen.expect("Majora accepts them.")
        talk(screen, PURPOSE, ("Apply these changes?", "n"))
        screen.expect("Nothing was changed.")
        assert screen.wait() == 0
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
        screen.expect("with a legacy API key")
        talk(screen, ("Change that?", "y"), ("[3] >", ""))
        talk(screen, (f"Its address [{person.majora.url}]", ""), (f"[{person.user.name}]", ""))
        talk(screen, *answers(person)[3:5], AGREE)
        assert screen.wait() == 0
    assert person.kit.read_config() == person.config
    with person.screen("init", "--config-only") as screen:
        talk(screen, ("Change that?", "y"), ("[3] >", ""), ("Its address", ""), ("user name", ""))
        talk(screen, (f"Client id [{person.app.client_id}]", ""), ("keeps the current one (hidden):", ""))
        screen.expect("Nothing to change")
        assert screen.wait() == 0
    person.kit.config.write_bytes(b'{"MAJORA_USER": oops')
    with person.screen("init", "--config-only", "--json") as screen:
        screen.expect("[CFG002]")
        talk(screen, *answers(person)[:5], AGREE)
        assert screen.wait() == 0
        assert json.loads(screen.text[screen.text.index("\n{") :])["ok"]
    assert person.kit.read_config() == person.config


def test_a_server_that_fails_is_not_asked_about_the_rest_and_the_login_says_how_to_go_on(person: Lab) -> None:
    person.majora.fault("status", status=503, path="o/token/", times=None)
    with person.screen("init") as screen:
        talk(screen, *answers(person)[:2])
        screen.expect("[SRV004]")
        talk(screen, ("Use this address anyway?", "y"), *answers(person)[2:])
        follow_link(person, screen)
        screen.expect("LGN026")
        screen.expect(LINK, regex=True)
        screen.send(CTRL_C)
        assert screen.wait() == 130
    assert person.kit.read_config() == person.config
    assert person.kit.crontab == THE_LABS
