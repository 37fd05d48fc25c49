"""``ocarina-kit init`` in a real terminal: from nothing to Ready, and what else a person may do there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from tests.cli.conftest import LINK, LOOKUP, Lab
from tests.conftest import Kit, mode_of
from tests.terminal import CTRL_C, Screen

from ocarina_kit.sandbox import Sandbox, install_standin

THE_LABS = "MAILTO=lab@example.org\n30 2 * * 0 /usr/local/bin/weekly-backup --all\n"


class Person(Lab):
    """A program in the person's place: each method answers one question."""

    def __init__(self, kit: Kit, majora: Sandbox) -> None:
        super().__init__(kit, majora, install_standin(kit.home / "miniconda3" / "envs" / "ocarina"))
        kit.config.unlink()
        kit.crontab = THE_LABS
        self.settings = self.config

    def at(self, *args: str, columns: int = 80, **env: str) -> Screen:
        return self.screen("init", *args, columns=columns, env=env)

    def majora_(self, screen: Screen) -> None:
        screen.expect("Which Majora?")
        screen.expect("> ")
        screen.line("3")

    def address(self, screen: Screen) -> None:
        screen.expect("Its address:")
        screen.line(self.majora.url.rstrip("/"))

    def name(self, screen: Screen) -> None:
        screen.expect("Your Majora user name:")
        screen.line(self.user.name)

    def client_id(self, screen: Screen) -> None:
        screen.expect("Client id:")
        screen.line(self.app.client_id)

    def secret(self, screen: Screen) -> None:
        unseen(screen, "Client secret", self.app.client_secret)

    def purpose(self, screen: Screen) -> None:
        screen.expect("What will you use ocarina for?")
        screen.expect("[1] > ")
        screen.line()

    def agree(self, screen: Screen) -> None:
        screen.expect("Apply these changes? [Y/n]")
        screen.line()

    def link(self, screen: Screen) -> None:
        link = screen.expect(LINK, regex=True)
        screen.wait_until("not echoes")
        screen.paste(self.authorize(link))
        screen.send("\r")

    @property
    def steps(self) -> tuple[Callable[[Screen], None], ...]:
        asked = (self.majora_, self.address, self.name, self.client_id, self.secret)
        return (*asked, self.purpose, self.agree, self.link)

    def answers(self, screen: Screen, first: int = 0, last: int = 8) -> None:
        for answer in self.steps[first:last]:
            answer(screen)

    def is_all_set(self) -> None:
        kit = self.kit
        assert kit.read_config() == self.settings
        assert mode_of(kit.config) == mode_of(kit.tokens) == 0o600
        assert self.state() == "live"
        assert kit.crontab is not None
        assert kit.crontab.startswith(THE_LABS)
        [line] = kit.crontab.removeprefix(THE_LABS).splitlines()
        assert re.fullmatch(
            r"\d+ \S+ \* \* \* \S+ .*refresh --cron \|\| \S+/ocarina -q oauth refresh # ocarina-kit", line
        )


@pytest.fixture
def person(kit: Kit, running: Sandbox) -> Iterator[Person]:
    yield Person(kit, running)
    running.clear_faults()


def unseen(screen: Screen, question: str, text: str) -> None:
    screen.expect(f"{question} (hidden):")
    screen.wait_until("not echoes")
    screen.paste(text)
    screen.send("\r")


# --- from nothing to Ready ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "env"),
    [(80, {}), (40, {"TERM": "dumb"}), (200, {"NO_COLOR": "1"})],
    ids=["80", "40 dumb", "200 no colour"],
)
def test_from_nothing_to_ready_and_again(person: Person, columns: int, env: dict[str, str]) -> None:
    with person.at(columns=columns, **env) as screen:
        person.answers(screen)
        for words in ("logged in", "scheduled  every 3 hours at :", "a test run refreshed 1 token"):
            screen.expect(words)
        screen.expect("Ready. Try it:")
        screen.expect("ocarina --oauth get biosample --central-sample-id YOUR_SAMPLE")
        assert screen.wait() == 0
        text = screen.text
        assert not env or not re.search(r"\x1b\[[0-9;]*m", screen.raw)  # no colour
    person.is_all_set()
    before = text.split("/o/authorize/")[0]
    for url in (f"{person.majora.url}o/applications/register/", person.majora.redirect_uri):
        assert any(url in line for line in before.splitlines())  # whole, on one line
    if columns >= 80:  # 30, a warning and an address; without what a busy machine waits for
        lines = [line for line in before.splitlines() if line.strip() and "at most)" not in line]
        assert len(lines) <= 34, before
    wide = [line for line in text.splitlines() if len(line) > columns]
    assert not [line for line in wide if not re.search(r"://|\[Y/n\]|Client id|hidden|--oauth", line)]
    kept = person.kit.config.read_bytes(), person.kit.crontab
    with person.at(columns=columns, **env) as screen:
        screen.expect("logged in, refreshed by cron.")
        screen.expect("Change that? [y/N]")
        screen.line()
        assert screen.wait() == 0
        if columns >= 80:
            assert len([line for line in screen.text.splitlines() if line and "at most)" not in line]) == 2
    assert kept == (person.kit.config.read_bytes(), person.kit.crontab)


def test_it_installs_a_client_and_one_step_that_fails_stops_no_other(person: Person) -> None:
    shutil.rmtree(person.kit.home / "miniconda3")
    person.kit.extra |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    with person.at() as screen:
        person.answers(screen, last=6)
        screen.expect("install   ocarina 1.0.0 in ~/.local/share/ocarina-kit/envs/ocarina")
        screen.expect("Apply these changes?")
        screen.line("?")
        screen.expect("it fetches ocarina 1.0.0")
        person.agree(screen)
        screen.expect("wrote")
        screen.expect(r"INS00\d", regex=True)
        person.link(screen)
        screen.expect("scheduled")
        screen.expect("Next step: ocarina-kit init   (goes on from here)")
        assert screen.wait() == 1
    with person.at("--dry-run") as screen:
        screen.expect("Still to do: the client.")
        screen.line()
        screen.expect("install   ocarina 1.0.0")
        screen.expect("Nothing was changed.")
        assert screen.wait() == 0


# --- Ctrl-C, and on from there ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 4, 6, 7])
def test_ctrl_c_at_each_question_leaves_everything_complete(person: Person, step: int) -> None:
    prompts = ("> ", "Its address", "user name", "Client id:", "(hidden)", "[1] > ", "[Y/n]", LINK)
    with person.at() as screen:
        person.answers(screen, last=step)
        screen.expect(prompts[step], regex=step == 7)
        if step in (4, 7):
            screen.wait_until("not echoes")
        screen.send(CTRL_C)
        screen.expect("Interrupted")
        screen.expect("ocarina-kit login" if step == 7 else "Run it again to continue")
        assert screen.wait() == 130
        assert screen.echoes
        assert not screen.left_in_the_terminal()
    assert person.kit.config.exists() is (step == 7)
    assert person.kit.crontab == THE_LABS
    if step == 7:  # and on with what is missing: no question of before is asked again
        with person.at() as screen:
            screen.expect("Still to do: a login and the crontab line.")
            screen.expect("Change that? [y/N]")
            screen.line()
            person.answers(screen, first=5)
            screen.expect("Ready.")
            assert screen.wait() == 0
        person.is_all_set()


def test_on_with_the_schedule_alone(person: Person) -> None:
    person.kit.write_config(person.settings)
    person.kit.write_tokens({LOOKUP: person.majora.grant(person.user, person.app, LOOKUP)})
    with person.at() as screen:
        screen.expect("Still to do: the crontab line.")
        screen.line()
        person.agree(screen)
        screen.expect("scheduled")
        screen.expect("Ready.")
        assert screen.wait() == 0
        assert "authorize" not in screen.text
    person.is_all_set()


# --- answers that cannot be used --------------------------------------------------------------------------------------


def test_each_answer_is_checked_at_once_and_nothing_pasted_is_shown(person: Person) -> None:
    secret, mistaken = person.app.client_secret, "w" * 128
    person.kit.secrets.add(mistaken)
    with person.at() as screen:
        person.majora_(screen)
        for bad, reason in (("3", "does not start with https://"), ("https://nowhere.invalid/", "SRV001")):
            screen.expect("Its address:")
            screen.line(bad)
            screen.expect(reason)
        screen.expect("Use this address anyway? [y/N]")
        screen.line()
        person.majora_(screen)
        screen.expect("Its address:")
        screen.line(f" <{person.majora.url}o/applications/>")
        screen.expect("one of Majora's pages; corrected")
        for bad, reason in (("?", "Could you please approve my account?"), ("your-username", "placeholder")):
            screen.expect("Your Majora user name:")
            screen.line(bad)
            screen.expect(reason)
        person.name(screen)
        for bad, reason in (("?", "Could you please allow"), ("pbkdf2_sha256$1$a$b", "hash")):
            screen.expect("Client id:")
            screen.line(bad)
            screen.expect(reason)
        person.client_id(screen)
        for text, answer in (
            ("your-client-secret", "placeholder"),
            (person.app.client_id, "one of them was pasted twice"),
            (mistaken, "does not accept"),
        ):
            unseen(screen, "Client secret", text)
            screen.expect(answer)
        screen.expect("Client secret (hidden):")
        screen.line()  # back to the client id: a secret pasted there is not shown either
        unseen(screen, "Client id, Enter keeps the current one", secret)
        unseen(screen, "Client secret", person.app.client_id)
        screen.expect("were swapped; corrected")
        screen.expect("Majora accepts them.")
        person.purpose(screen)
        screen.expect("Apply these changes?")
        screen.send(CTRL_C)
        assert screen.wait() == 130


# --- an existing file, options ------------------------------------------------------------------------------------


def test_current_values_are_the_defaults(person: Person) -> None:
    person.kit.write_config(person.settings)
    with person.at("--config-only") as screen:
        screen.expect("Change that? [y/N]")
        screen.line("y")
        for question in ("[3] >", f"Its address [{person.majora.url}]", f"[{person.user.name}]"):
            screen.expect(question)
            screen.line()
        screen.expect(f"Client id [{person.app.client_id}]")
        screen.line()
        unseen(screen, "Client secret, Enter keeps the current one", "")
        screen.expect("Nothing to change")
        assert screen.wait() == 0


def test_what_is_given_is_not_asked_and_yes_agrees(person: Person) -> None:
    given = {name: value for name, value in person.settings.items() if name != "CLIENT_SECRET"}
    person.kit.write_config({"MAJORA_USER": "old", "mine": 1})
    with person.at("--config-only", "--yes", "--client-secret-file", "-", **given) as screen:
        person.secret(screen)
        screen.expect('-    "MAJORA_USER": "old"')
        screen.expect("wrote")
        screen.expect("Next step: ocarina-kit login")
        assert screen.wait() == 0
        assert "This sets up" not in screen.text
    assert person.kit.read_config() == {**person.settings, "mine": 1}


def test_a_legacy_key_becomes_oauth_and_a_broken_file_is_replaced(person: Person) -> None:
    key = person.majora.add_legacy_key(person.user)
    person.kit.secrets.add(key)
    filler = "not-used-with-an-api-key"
    person.kit.write_config(
        {**person.settings, "MAJORA_TOKEN": key, "CLIENT_ID": filler, "CLIENT_SECRET": filler}
    )
    with person.at("--config-only") as screen:
        screen.expect("with a legacy API key")
        screen.line("y")
        screen.expect("[3] >")
        screen.line()
        screen.expect("Its address")
        screen.line()
        screen.expect("user name")
        screen.line()
        screen.expect("Client id")
        screen.line(person.app.client_id)
        person.secret(screen)
        person.agree(screen)
        assert screen.wait() == 0
    assert person.kit.read_config() == person.settings
    person.kit.config.write_bytes(b'{"MAJORA_USER": oops')
    with person.at("--json") as screen:
        screen.expect("[CFG002]")
        person.answers(screen)
        screen.expect("Ready.")
        assert json.loads(screen.text[screen.text.index("\n{") :])["ok"] if screen.wait() == 0 else False
    person.is_all_set()


def test_a_login_that_fails_says_how_to_go_on(person: Person) -> None:
    person.majora.fault("status", status=503, path="o/token/", times=None)
    with person.at() as screen:
        person.answers(screen, last=2)
        screen.expect("[SRV004]")
        screen.expect("Use this address anyway?")
        screen.line("y")
        person.answers(screen, first=2)
        screen.expect("LGN026")
        link = screen.expect(LINK, regex=True)
        assert link
        screen.send(CTRL_C)
        assert screen.wait() == 130
    assert person.kit.read_config() == person.settings
    assert person.kit.crontab == THE_LABS
