"""``ocarina-kit login`` as a person meets it: a real terminal, a link, a browser, a paste."""

from __future__ import annotations

import itertools
import json
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.conftest import Kit
from tests.terminal import BACKSPACE, CTRL_C, CTRL_U, Screen

from ocarina_kit.sandbox import Application, Sandbox, User

LOOKUP = "majora2.view_biosampleartifact"
PUBLISHED = "majora2.temp_can_read_pags_via_api"
LINK = r"https?://\S+/o/authorize/\S+"
PROMPT = "Paste the address here:"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


@dataclass
class Lab:
    kit: Kit
    majora: Sandbox
    user: User
    app: Application
    config: dict[str, Any]

    def start(self, *args: str, **how: Any) -> Screen:
        return Screen.of(self.kit, "login", *args, **how)

    def authorize(self, link: str) -> str:
        callback = self.majora.authorize(self.user, link)
        self.kit.secrets |= set(parse_qs(urlsplit(callback).query).get("code", []))
        return callback

    def state(self, scope: str = LOOKUP) -> str:
        return self.majora.token_state(self.kit.read_tokens()[scope]["access_token"])


@pytest.fixture
def lab(kit: Kit, running: Sandbox) -> Iterator[Lab]:
    user = running.add_user(f"person{next(_numbers)}")
    app = running.add_application(user)
    kit.secrets |= {app.client_secret, user.password}
    config = {
        "MAJORA_DOMAIN": running.url,
        "MAJORA_USER": user.name,
        "MAJORA_TOKEN": "OAUTH",
        "CLIENT_ID": app.client_id,
        "CLIENT_SECRET": app.client_secret,
    }
    kit.write_config(config)
    yield Lab(kit, running, user, app, config)
    running.clear_faults()
    if running.offset:
        running.shift_clock(-running.offset)


class TestTheWay:
    @pytest.mark.parametrize(
        ("columns", "env"),
        [(80, {}), (40, {}), (40, {"TERM": "dumb", "NO_COLOR": "1"})],
        ids=["80 columns", "40 columns", "dumb"],
    )
    def test_a_link_a_paste_a_token(self, lab: Lab, columns: int, env: dict[str, str]) -> None:
        with lab.start("--for", "lookup", columns=columns, env=env) as screen:
            screen.expect("One link follows.")
            link = screen.expect(LINK, regex=True)
            assert f"\n{link}\n" in screen.text, "whole, and alone on its line"
            assert "state=" in link
            callback = lab.authorize(link)
            screen.expect(PROMPT)
            screen.paste(callback)
            if env:
                screen.expect(f"{len(callback)} characters")
                screen.line()
            screen.expect("logged in")
            screen.expect("ocarina --oauth get biosample")
            assert screen.wait() == 0
            assert callback not in screen.text
            if env:
                assert "\x1b" not in screen.raw
        assert lab.state() == "live"

    def test_the_purpose_is_asked_for_and_several_may_be_chosen(self, lab: Lab) -> None:
        with lab.start() as screen:
            screen.expect("What do you want to do")
            screen.expect("1  look up samples")
            screen.line("99")
            screen.expect("none of them")
            screen.line("1,2")
            screen.expect("2 links follow")
            for title in ("look up samples", "read published groups"):
                screen.expect(f"to {title}:")
                screen.paste(lab.authorize(screen.expect(LINK, regex=True)))
                screen.expect(f"To {title}: logged in")
            assert screen.wait() == 0
        assert sorted(lab.kit.read_tokens()) == sorted([LOOKUP, PUBLISHED])

    def test_enter_takes_looking_up(self, lab: Lab) -> None:
        with lab.start() as screen:
            screen.expect("What do you want to do")
            screen.line()
            link = screen.expect(LINK, regex=True)
            assert parse_qs(urlsplit(link).query)["scope"] == [LOOKUP]
            screen.send(CTRL_C)
            assert screen.wait() == 130

    def test_a_paste_of_12_000_characters_in_broken_lines(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            callback = lab.authorize(screen.expect(LINK, regex=True))
            long = callback.replace("?", f"?padding={'x' * 12_000}&")
            screen.paste("\n".join(long[at : at + 76] for at in range(0, len(long), 76)) + "\n")
            screen.expect("logged in")
            assert screen.wait() == 0
            assert screen.left_in_the_terminal() == b""

    def test_a_slow_paste_in_two_pieces(self, lab: Lab) -> None:
        with lab.start("--for", "lookup", env={"TERM": "dumb"}) as screen:
            callback = lab.authorize(screen.expect(LINK, regex=True))
            at = len(callback) - 12
            screen.send(callback[:at] + "\r")
            screen.expect("The end of the callback URL is missing")
            screen.expect(PROMPT)
            screen.send(callback[at:] + "\r")
            screen.expect("logged in")
            assert screen.wait() == 0

    def test_code_and_state_copied_one_after_the_other(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            query = parse_qs(urlsplit(lab.authorize(screen.expect(LINK, regex=True))).query)
            screen.paste(query["code"][0])
            screen.expect("code without its state")
            screen.expect(PROMPT)
            screen.paste(query["state"][0])
            screen.expect("logged in")
            assert screen.wait() == 0

    def test_typing_is_corrected(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            callback = lab.authorize(screen.expect(LINK, regex=True))
            screen.expect(PROMPT)
            screen.send("nonsense" + CTRL_U + callback + "zz" + BACKSPACE * 2)
            screen.line()
            screen.expect("logged in")
            assert screen.wait() == 0


class TestInterrupt:
    def test_ctrl_c_says_how_to_go_on_and_that_works(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            link = screen.expect(LINK, regex=True)
            screen.expect(PROMPT)
            screen.send(CTRL_C)
            screen.expect("ocarina-kit login --callback -")
            assert screen.wait() == 130
            assert screen.echoes
        assert not lab.kit.tokens.exists()
        with lab.start("--callback", "-") as screen:
            screen.expect(PROMPT)
            screen.paste(lab.authorize(link))
            screen.expect("logged in")
            assert screen.wait() == 0
        assert lab.state() == "live"

    def test_nothing_of_a_broken_paste_reaches_the_shell(self, lab: Lab, tmp_path: Path) -> None:
        trap = tmp_path / "trap"
        command = " ".join(lab.kit.command("login", "--for", "lookup"))
        env = {**lab.kit.env, "PS1": "shell$ ", "HISTFILE": str(tmp_path / "history")}
        with Screen(["bash", "--norc", "--noprofile", "-i"], env=env, cwd=lab.kit.home) as screen:
            screen.expect("shell$ ")
            screen.line(command)
            screen.expect(PROMPT)
            screen.send(f"\x1b[200~https://majora.example/\r\n{CTRL_C}")
            for _ in range(4):
                screen.send(f"touch {trap}\r")
                time.sleep(0.05)
            screen.expect("shell$ ")
            screen.line("echo still $((40+2))")
            screen.expect("still 42")
            screen.line("exit")
            screen.wait()
        assert not trap.exists()

    def test_a_kill_sets_the_terminal_back(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            screen.expect(PROMPT)
            screen.signal(signal.SIGTERM)
            assert screen.wait() == -signal.SIGTERM
            assert screen.echoes

    def test_the_second_of_two_links(self, lab: Lab) -> None:
        with lab.start("--for", "lookup", "--for", "published") as screen:
            screen.paste(lab.authorize(screen.expect(LINK, regex=True)))
            screen.expect("logged in")
            screen.expect(LINK, regex=True)
            screen.expect(PROMPT)
            screen.send(CTRL_C)
            assert screen.wait() == 130
        assert list(lab.kit.read_tokens()) == [LOOKUP]


class TestMistakes:
    def test_each_is_told_and_the_link_still_waits(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            link = screen.expect(LINK, regex=True)
            callback = lab.authorize(link)
            state = parse_qs(urlsplit(link).query)["state"][0]
            for text, words in (
                (link, "the link that ocarina-kit showed"),
                (callback.replace(urlsplit(callback).netloc, "majora.example"), "majora.example"),
                (callback.replace(state, "z" * 43), "belongs to another login"),
                (f"{lab.majora.url}account/login/?next=x", "log-in page"),
            ):
                screen.expect(PROMPT)
                screen.paste(text + "\n")
                screen.expect(words)
            screen.expect(PROMPT)
            screen.paste(callback)
            screen.expect("logged in")
            assert screen.wait() == 0

    def test_it_gives_up_in_the_end(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            for _ in range(6):
                screen.expect(PROMPT)
                screen.line("nonsense")
            screen.expect("error [LGN002]")
            assert screen.wait() == 1

    def test_a_dead_code_brings_a_fresh_link_at_once(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            callback = lab.authorize(screen.expect(LINK, regex=True))
            lab.majora.shift_clock(61)
            screen.paste(callback)
            screen.expect("no longer takes this code")
            lab.majora.shift_clock(-61)
            screen.expect("A fresh link to look up samples:")
            screen.paste(lab.authorize(screen.expect(LINK, regex=True)))
            screen.expect("logged in")
            assert screen.wait() == 0

    def test_a_cancelled_grant_may_be_tried_again(self, lab: Lab) -> None:
        with lab.start("--for", "lookup") as screen:
            screen.paste(lab.majora.deny(lab.user, screen.expect(LINK, regex=True)))
            screen.expect("cancelled")
            screen.expect("fresh link?")
            screen.line("y")
            screen.paste(lab.majora.deny(lab.user, screen.expect(LINK, regex=True)))
            screen.expect("fresh link?")
            screen.line("n")
            assert screen.wait() == 1

    def test_one_missing_permission_stops_no_other(self, lab: Lab) -> None:
        lab.majora.set_permissions(lab.user, [LOOKUP])
        with lab.start("--for", "published", "--for", "lookup") as screen:
            screen.paste(lab.majora.authorize(lab.user, screen.expect(LINK, regex=True)))
            screen.expect("Link 2 of 2")
            screen.paste(lab.authorize(screen.expect(LINK, regex=True)))
            screen.expect("logged in")
            screen.expect("error [LGN012]")
            screen.expect(PUBLISHED)
            assert screen.wait() == 1
        assert list(lab.kit.read_tokens()) == [LOOKUP]

    def test_a_client_id_that_the_server_does_not_know(self, lab: Lab) -> None:
        lab.majora.remove_application(lab.app)
        with lab.start("--for", "lookup", "--for", "published") as screen:
            # The browser shows an error page, so its address is all that there is to paste.
            screen.paste(screen.expect(LINK, regex=True))
            screen.expect("[CRD001]")
            assert screen.wait() == 1

    def test_a_wrong_secret_ends_it(self, lab: Lab) -> None:
        lab.kit.write_config({**lab.config, "CLIENT_SECRET": "x" * 128})
        with lab.start("--for", "lookup", "--for", "published") as screen:
            screen.paste(lab.authorize(screen.expect(LINK, regex=True)))
            screen.expect("[CRD001]")
            assert screen.wait() == 1

    def test_a_place_that_can_not_be_written_is_said_before_the_link(self, lab: Lab) -> None:
        lab.kit.write_config({**lab.config, "MAJORA_TOKENS_FILE": str(lab.kit.home / "folder")})
        (lab.kit.home / "folder").mkdir()
        with lab.start("--for", "lookup") as screen:
            assert screen.wait() == 1
            assert "/o/authorize/" not in screen.text


class TestBrowser:
    """What is started, and when: a browser that writes down what it was called with."""

    @pytest.fixture
    def browser(self, lab: Lab) -> Path:
        script = lab.kit.home / "browser"
        script.write_text(f'#!/bin/sh\necho "$@" >> {lab.kit.home}/opened\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        lab.kit.extra["BROWSER"] = f"{script} %s"
        return lab.kit.home / "opened"

    def opens(self, lab: Lab, opened: Path, *args: str, **env: str) -> bool:
        with lab.start("--for", "lookup", *args, env=env) as screen:
            link = screen.expect(LINK, regex=True)
            screen.expect(PROMPT)
            screen.send(CTRL_C)
            assert screen.wait() == 130
        if not opened.exists():
            return False
        assert opened.read_text() == f"{link}\n"
        opened.unlink()
        return True

    def test_it_is_opened_where_it_can_be_seen(self, lab: Lab, browser: Path) -> None:
        assert self.opens(lab, browser, DISPLAY=":0")
        assert not self.opens(lab, browser, "--no-browser", DISPLAY=":0")

    def test_never_over_ssh_nor_without_a_display(self, lab: Lab, browser: Path) -> None:
        assert not self.opens(lab, browser)
        for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"):
            assert not self.opens(lab, browser, DISPLAY="localhost:10.0", **{name: "x"})

    def test_but_where_it_is_asked_for(self, lab: Lab, browser: Path) -> None:
        assert self.opens(lab, browser, "--browser")


def test_json_at_a_terminal_is_one_document_on_standard_output(lab: Lab, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    argv = ["sh", "-c", f'"$@" > {out}', "sh", *lab.kit.command("login", "--for", "lookup", "--json")]
    with Screen(argv, env=lab.kit.env, cwd=lab.kit.home, secrets=lab.kit.secrets) as screen:
        screen.paste(lab.authorize(screen.expect(LINK, regex=True)))
        assert screen.wait() == 0
    assert json.loads(out.read_text())["tokens"][0]["result"] == "logged-in"
