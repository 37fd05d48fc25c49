"""README's quick start, word by word, by someone who has read nothing else: in a real terminal, against the sandbox."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Kit, mode_of
from tests.terminal import ENTER, Screen

from ocarina_kit.sandbox import Application, Sandbox, User, install_standin

README = Path(__file__).parents[2] / "README.md"
LOOKUP = "majora2.view_biosampleartifact"
THE_LABS = "MAILTO=lab@example.org\n30 2 * * 0 /usr/local/bin/weekly-backup --all\n"


def quick_start() -> list[list[str]]:
    """The commands of its quick start, in their order, without their comments."""
    section = README.read_text(encoding="utf-8").split("\n## Quick start", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^```\w*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [
        words
        for block in blocks
        for line in block.splitlines()
        if (words := shlex.split(line, comments=True))
    ]


class NewUser:
    def __init__(self, kit: Kit, majora: Sandbox) -> None:
        self.kit = kit
        self.majora = majora
        self.user: User = majora.add_user("newcomer")
        self.application: Application = majora.add_application(self.user)
        assert self.user.totp_secret is not None
        kit.secrets |= {self.user.password, self.user.totp_secret, self.application.client_secret}
        client = install_standin(kit.home / "miniconda3" / "envs" / "ocarina")
        kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
        kit.crontab = THE_LABS

    # What a person does at each command of the quick start.

    def init(self, *args: str, offers: str = "n") -> None:
        """Answers what is asked; ``offers`` to each offer to go on."""
        with Screen.of(self.kit, "init", *args) as screen:
            screen.expect("an address:")
            screen.line(self.majora.url.rstrip("/"))
            screen.expect("Your user name at")
            screen.line(self.user.name)
            screen.expect("Client id:")
            screen.line(self.application.client_id)
            screen.expect("Client secret (not shown")
            screen.wait_until("not echoes")
            screen.paste(self.application.client_secret + "\n")
            screen.expect("Write it to")
            screen.send(ENTER)
            screen.expect("Log in now")
            screen.line(offers)
            if offers != "n":
                self._at_the_links(screen)
            screen.expect("crontab entry? [Y/n]")
            screen.line(offers)
            if offers != "n":
                self._at_the_change(screen)
            assert screen.wait() == 0

    def login(self, *args: str) -> None:
        with Screen.of(self.kit, "login", *args) as screen:
            self._at_the_links(screen)
            assert screen.wait() == 0

    def _at_the_links(self, screen: Screen) -> None:
        screen.expect("What do you want to do with ocarina?")
        screen.expect("]:")
        screen.send(ENTER)
        link = screen.expect(r"http://\S+/o/authorize/\S+", regex=True)
        screen.expect("Paste")
        screen.paste(self.majora.authorize(self.user, link))
        screen.send(ENTER)  # as people do, though the kit needs none
        screen.expect("The server takes the token")

    def schedule(self, *args: str) -> None:
        with Screen.of(self.kit, "schedule", *args) as screen:
            if "--yes" not in args:
                self._at_the_change(screen)
            assert screen.wait() == 0

    def _at_the_change(self, screen: Screen) -> None:
        screen.expect("(then)")
        screen.expect("[Y/n]")
        screen.send(ENTER)
        screen.expect("The entry is installed")

    def doctor(self, *args: str) -> None:
        # Whether a cron daemon runs is this machine's own affair, not the new user's (CRN006).
        with Screen.of(self.kit, "doctor", *args, "--skip", "CRN006") as screen:
            screen.expect("All is well")
            assert screen.wait() == 0, screen.text
            assert "warning" not in screen.text

    def install_client(self, *args: str) -> None:
        """There is one already: the quick start asks only those for it who have none."""

    # What came of it.

    def asks_for_a_sample(self, *args: str) -> None:
        self.majora.add_sample("YOUR_SAMPLE")
        done = subprocess.run(
            ["ocarina", *args], env=self.kit.env, capture_output=True, text=True, check=False
        )
        assert (done.returncode, '"errors": 0' in done.stderr) == (0, True), done.stderr

    def is_all_set(self) -> None:
        kit = self.kit
        assert mode_of(kit.config) == mode_of(kit.tokens) == 0o600
        assert self.majora.token_state(kit.read_tokens()[LOOKUP]["access_token"]) == "live"
        assert kit.crontab is not None
        assert kit.crontab.startswith(THE_LABS)
        assert len(kit.crontab.removeprefix(THE_LABS).splitlines()) == 1


@pytest.fixture
def newcomer(kit: Kit) -> Iterator[NewUser]:
    with Sandbox.start() as majora:
        yield NewUser(kit, majora)


def test_the_quick_start_works_word_by_word(newcomer: NewUser) -> None:
    ways: dict[str, Callable[..., None]] = {
        "init": newcomer.init,
        "login": newcomer.login,
        "schedule": newcomer.schedule,
        "doctor": newcomer.doctor,
        "install-client": newcomer.install_client,
    }
    followed = []
    for program, *words in quick_start():
        if program == "ocarina-kit":
            name, *args = words
            ways[name](*args)
            followed.append(name)
        elif program == "ocarina":
            newcomer.asks_for_a_sample(*words)
            followed.append("ocarina")
        else:  # how to install it: tests/packaging follows that
            assert "ocarina-kit" in words
    assert [name for name in followed if name != "install-client"] == [
        "init",
        "login",
        "schedule",
        "doctor",
        "ocarina",
    ]
    newcomer.is_all_set()


def test_init_alone_leads_through_all_of_it(newcomer: NewUser) -> None:
    newcomer.init(offers="")
    newcomer.doctor()
    newcomer.is_all_set()


def test_each_command_said_again_changes_nothing(newcomer: NewUser) -> None:
    newcomer.init(offers="y")
    kit = newcomer.kit
    before = kit.config.read_bytes(), kit.tokens.read_bytes(), kit.crontab
    for command in (
        ["login", "--for", "lookup"],
        ["schedule", "--yes"],
        ["doctor", "--fix", "--yes", "--skip", "CRN006"],
    ):
        with Screen.of(kit, *command) as screen:
            assert screen.wait() == 0
    assert (kit.config.read_bytes(), kit.tokens.read_bytes(), kit.crontab) == before
