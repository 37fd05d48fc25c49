"""``ocarina-kit init`` in a real terminal: what a person is shown and asked."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from tests.terminal import CTRL_C, Screen

from ocarina_kit.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.conftest import Kit

    from ocarina_kit.sandbox import Application, User

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


class Person:
    def __init__(self, kit: Kit, majora: Sandbox) -> None:
        self.kit = kit
        self.majora = majora
        self.user: User = majora.add_user(f"guided{next(_numbers)}")
        self.app: Application = majora.add_application(self.user)
        kit.secrets.add(self.app.client_secret)

    @property
    def members(self) -> dict[str, str]:
        return {
            "MAJORA_DOMAIN": self.majora.url,
            "MAJORA_USER": self.user.name,
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": self.app.client_id,
            "CLIENT_SECRET": self.app.client_secret,
        }

    def screen(self, *args: str, columns: int = 80, **env: str) -> Screen:
        return Screen.of(self.kit, "init", *args, columns=columns, env=env)


@pytest.fixture
def person(kit: Kit, running: Sandbox) -> Iterator[Person]:
    yield Person(kit, running)
    running.clear_faults()


def answer_address(screen: Screen, person: Person) -> None:
    screen.expect("1, 2 or an address")
    screen.line(person.majora.url)


def answer_user(screen: Screen, person: Person) -> None:
    screen.expect("Your user name at")
    screen.line(person.user.name)


def answer_id(screen: Screen, person: Person) -> None:
    screen.expect("pbkdf2_")  # the end of how to register
    screen.expect("Client id")
    screen.line(person.app.client_id)


def answer_secret(screen: Screen, person: Person) -> None:
    screen.expect("Client secret (not shown as you type)")
    screen.paste(person.app.client_secret)
    screen.send("\r")


def agree(screen: Screen, person: Person) -> None:
    screen.expect("Write it to")
    screen.line()


STEPS: tuple[Callable[[Screen, Person], None], ...] = (
    answer_address,
    answer_user,
    answer_id,
    answer_secret,
    agree,
)


@pytest.mark.parametrize(
    ("columns", "env"),
    [(80, {}), (40, {}), (40, {"TERM": "dumb"}), (80, {"NO_COLOR": "1"})],
    ids=["80", "40", "40 dumb", "80 no colour"],
)
def test_whoever_follows_the_prompts_ends_with_a_set_up_that_works(
    person: Person, columns: int, env: dict[str, str]
) -> None:
    with person.screen(columns=columns, **env) as screen:
        screen.expect("Setting ocarina up")
        for row in ("account", "client", "application", "configuration", "log-in", "schedule"):
            screen.expect(row)
        for needed in ("approved account", "please approve my account", "Two-factor", "permissions"):
            screen.expect(needed)
        answer_address(screen, person)
        screen.expect("A Majora answers")
        answer_user(screen, person)
        screen.expect(f"{person.majora.url}o/applications/")
        for field, value in (
            ("Name", f"{person.user.name}-ocarina"),
            ("Client type", "Confidential"),
            ("Authorization grant type", "Authorization code"),
            ("Redirect uris", person.majora.redirect_uri),
        ):
            screen.expect(field)
            screen.expect(value)
        screen.expect("before you press Save")
        screen.expect("Client id")
        screen.line(person.app.client_id)
        answer_secret(screen, person)
        screen.expect("128 characters arrived")
        screen.expect("takes this client id and secret")
        agree(screen, person)
        screen.expect("Wrote")
        screen.expect("Log in now")
        screen.line("n")
        screen.expect("ocarina-kit login")
        screen.expect("crontab entry?")
        screen.line("n")
        assert screen.wait() == 0
        lines = screen.text.split("\n")
    assert person.kit.read_config() == person.members
    assert person.kit.config.stat().st_mode & 0o777 == 0o600
    # Each URL stands whole on one line, and nothing but what cannot be broken is wider than the terminal.
    for url in (
        f"{person.majora.url}o/applications/",
        person.majora.redirect_uri,
        "https://majora-test.covid19.climb.ac.uk/",
    ):
        assert any(url in line for line in lines)
    whole = r"://|/\.ocarina|\[Y/n\]|not shown|Client id|Your user name|^[+] "
    assert not [line for line in lines if len(line) > columns and not re.search(whole, line)]
    if env:
        assert "\x1b[3" not in screen.raw  # no colour
        assert "\x1b[1m" not in screen.raw


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_ctrl_c_at_any_prompt_leaves_everything_as_it_was(person: Person, step: int) -> None:
    prompts = ("1, 2 or an address", "Your user name at", "Client id:", "Client secret (not", "Write it to")
    old = json.dumps({"MAJORA_USER": "old", "mine": 1}).encode()
    person.kit.config.write_bytes(old)
    person.kit.config.chmod(0o644)
    with person.screen() as screen:
        for answer in STEPS[:step]:
            answer(screen, person)
        screen.expect(prompts[step])
        if step == 3:
            screen.wait_until("not echoes")
        screen.send(CTRL_C)
        assert screen.wait() == 130
        assert screen.echoes
        assert not screen.left_in_the_terminal()
    assert person.kit.config.read_bytes() == old
    assert person.kit.config.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in person.kit.home.iterdir()] == [".ocarina"]


def test_each_answer_is_checked_where_it_is_given(person: Person) -> None:
    with person.screen() as screen:
        for bad, reason in (
            ("", "None is assumed"),
            ("ftp://x.org/", "its scheme is not https"),
            ("https://example.org/", "placeholder"),
            ("https://nowhere.invalid/", "There is no such server"),
        ):
            screen.expect("1, 2 or an address")
            screen.line(bad)
            screen.expect(reason)
        screen.expect("Use this address all the same? [y/N]")
        screen.line()
        screen.expect("1, 2 or an address")
        screen.line(f" <{person.majora.url.rstrip('/')}/o/applications/>")
        screen.expect("cut the path of one of Majora's own pages")
        for bad, reason in (("your-username", "placeholder"), ("a b", "no blank")):
            screen.expect("Your user name at")
            screen.line(bad)
            screen.expect(reason)
        answer_user(screen, person)
        screen.expect("pbkdf2_")
        for bad, reason in (("your-client-id", "placeholder"), ("pbkdf2_sha256$1$a$b", "hash")):
            screen.expect("Client id")
            screen.line(bad)
            screen.expect(reason)
        screen.expect("Client id")
        screen.line(person.app.client_id)
        screen.expect("Client secret")
        screen.paste("your-client-secret\r", bracketed=False)
        screen.expect("placeholder")
        screen.expect("Client secret")
        screen.paste(person.app.client_id + "\r", bracketed=False)  # the same pasted for both
        screen.expect("are the same: one of them was pasted twice")
        screen.expect("Client id")
        screen.line()
        screen.expect("Client secret")
        screen.paste("w" * 128 + "\r", bracketed=False)
        screen.expect("does not know this client id and secret")
        screen.expect("Try again?")
        screen.line()
        screen.expect("Client id")
        screen.line()
        screen.expect("Client secret")
        screen.paste(f"{person.app.client_secret}\n{person.app.client_secret}\n")
        screen.expect("took one copy of what was pasted twice")
        agree(screen, person)
        screen.expect("Log in now")
        screen.send(CTRL_C)
        assert screen.wait() == 130
    assert person.kit.read_config() == person.members


def test_a_no_of_the_server_ends_without_a_file(person: Person) -> None:
    with person.screen() as screen:
        for answer in STEPS[:3]:
            answer(screen, person)
        screen.expect("Client secret")
        screen.paste("w" * 128 + "\r", bracketed=False)
        screen.expect("Try again?")
        screen.line("n")
        screen.expect("error [CRD001]")
        assert screen.wait() == 1
    assert not person.kit.config.exists()


def test_current_values_are_the_defaults_and_enter_keeps_them(person: Person) -> None:
    person.kit.write_config(person.members)
    with person.screen() as screen:
        screen.expect(f"client id ending in {person.app.client_id[-4:]}")
        screen.expect(f"1, 2 or an address [{person.majora.url}]")
        screen.line()
        screen.expect(f"[{person.user.name}]")
        screen.line()
        screen.expect(f"Keep the current client id (ending in {person.app.client_id[-4:]}) and secret?")
        screen.line()
        screen.expect("Nothing to change")
        screen.expect("Log in now")
        screen.line("n")
        screen.expect("crontab entry?")
        screen.line("n")
        assert screen.wait() == 0
        assert "o/applications/" not in screen.text
    assert person.kit.read_config() == person.members


def test_the_id_and_secret_of_another_majora_are_asked_anew(person: Person) -> None:
    person.kit.write_config({**person.members, "MAJORA_DOMAIN": "https://other.example.ac.uk/"})
    with person.screen() as screen:
        for answer in STEPS:
            answer(screen, person)
        screen.expect("Wrote")
        screen.send(CTRL_C)
        screen.wait()
    assert person.kit.read_config() == person.members


def test_what_is_given_is_not_asked(person: Person) -> None:
    secret = person.kit.home / "secret"
    secret.write_text(person.app.client_secret)
    with person.screen(
        *("--domain", person.majora.url, "--client-secret-file", str(secret)), MAJORA_USER=person.user.name
    ) as screen:
        screen.expect(f"MAJORA_USER is {person.user.name} (from the variable MAJORA_USER)")
        answer_id(screen, person)
        agree(screen, person)
        screen.expect("Wrote")
        assert "address" not in screen.text.split("Before you start")[1].split("Register ocarina")[0]
        screen.send(CTRL_C)
        screen.wait()
    assert person.kit.read_config() == person.members


def test_where_all_is_given_only_the_change_is_asked_about(person: Person) -> None:
    given = {name: value for name, value in person.members.items() if name != "CLIENT_SECRET"}
    with person.screen("--client-secret-file", "-", **given) as screen:
        screen.expect("Client secret (not shown as you type)")
        screen.paste(person.app.client_secret + "\r", bracketed=False)
        screen.expect("Write it to")
        screen.line("n")
        screen.expect("Nothing was changed")
        assert screen.wait() == 0
        assert "Before you start" not in screen.text
    assert not person.kit.config.exists()


def test_a_legacy_set_up_becomes_oauth(person: Person) -> None:
    key = person.majora.add_legacy_key(person.user)
    person.kit.secrets.add(key)
    person.kit.write_config({**person.members, "MAJORA_TOKEN": key, "CLIENT_ID": "", "CLIENT_SECRET": ""})
    with person.screen() as screen:
        screen.expect("changes this to OAuth")
        for answer in STEPS:
            answer(screen, person)
        screen.expect("Wrote")
        screen.send(CTRL_C)
        screen.wait()
    assert person.kit.read_config() == person.members


def test_a_file_that_makes_no_sense_is_shown_and_replaced_only_by_a_yes(person: Person) -> None:
    broken = b'{"MAJORA_USER": \x00oops'
    person.kit.config.write_bytes(broken)
    for answer, code in (("", 0), ("y", 130)):
        with person.screen() as screen:
            for step in STEPS[:4]:
                step(screen, person)
            screen.expect("[CFG002]")
            screen.expect("Write it to")
            screen.expect("[y/N]")
            screen.line(answer)
            screen.expect("Wrote" if answer else "Nothing was changed")
            if answer:
                screen.expect("Log in now")
                screen.send(CTRL_C)
            assert screen.wait() == code
        assert (person.kit.config.read_bytes() == broken) is not bool(answer)
    [kept] = (person.kit.state / "backups").iterdir()
    assert kept.read_bytes() == broken


def test_another_program_that_changes_the_file_meanwhile_loses_nothing(person: Person) -> None:
    person.kit.write_config({"first": 1})
    with person.screen() as screen:
        for answer in STEPS[:4]:
            answer(screen, person)
        screen.expect("Write it to")
        person.kit.config.write_text('{"second": 2}')
        screen.line()
        screen.expect("Another program changed the file meanwhile")
        agree(screen, person)
        screen.expect("Wrote")
        screen.send(CTRL_C)
        screen.wait()
    assert person.kit.read_config() == {"second": 2, **person.members}


def test_the_offers_at_the_end_lead_on_and_yes_does_not_answer_them(person: Person) -> None:
    with person.screen("--yes") as screen:
        for answer in STEPS[:4]:
            answer(screen, person)
        screen.expect("Wrote")
        screen.expect("Log in now")
        screen.line("y")
        screen.expect("Numbers, such as")
        screen.line()
        link = screen.expect(r"http://127\.0\.0\.1:\d+/o/authorize/\S+", regex=True)
        screen.wait_until("not echoes")
        screen.paste(person.majora.authorize(person.user, link))
        screen.send("\r")
        screen.expect("crontab entry?")
        screen.line("n")
        assert screen.wait() == 0
    assert person.kit.tokens.exists()


def test_json_in_a_terminal_asks_on_standard_error(person: Person) -> None:
    with person.screen("--json") as screen:
        for answer in STEPS:
            answer(screen, person)
        screen.expect('"changed": true')
        assert screen.wait() == 0
        assert "Log in now" not in screen.text
