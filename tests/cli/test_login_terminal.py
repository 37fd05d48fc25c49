"""``ocarina-kit login`` as a person meets it: a real terminal, a link, a browser, a paste."""

from __future__ import annotations

import os
import re
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.cli.conftest import LINK, LOOKUP, UPLOAD, Lab, talk
from tests.terminal import CTRL_C, WAIT, Screen


def link_in(screen: Screen) -> str:
    link = screen.expect(LINK, regex=True)
    screen.expect("> ")
    return link


@pytest.mark.parametrize(("columns", "env"), [(80, {}), (40, {"TERM": "dumb"})], ids=["80", "40 dumb"])
def test_a_link_a_paste_a_token(lab: Lab, columns: int, env: dict[str, str]) -> None:
    with lab.screen("login", "--for", "lookup", columns=columns, env=env) as screen:
        talk(screen, "1 link to open.", "paste the address of the page that opens within 60 seconds:")
        link = link_in(screen)
        assert f"\n{link}\n" in screen.text, "complete, and alone on its line"
        address = lab.authorize(link)
        screen.paste(address + ("\n" if env else ""))
        talk(
            screen,
            "logged in look up samples and runs: valid for 10 h",
            "ocarina --oauth get biosample",
            ends=0,
        )
        assert address not in screen.text
        assert screen.left_in_the_terminal() == b""
    assert lab.state() == "live"


def test_the_menu_has_three_choices_and_a_second_list(lab: Lab) -> None:
    with lab.screen("login") as screen:
        screen.expect("What will you use ocarina for?")
        screen.expect("1  look up samples and runs", regex=True)
        screen.expect("2  upload samples and runs +4 links", regex=True)
        screen.expect("3  something else", regex=True)
        screen.line("?")
        screen.expect("Majora gives a token of its own for each kind of work")
        screen.line("3")
        screen.expect("Names, such as")
        screen.line("lokup")
        screen.expect("Did you mean lookup?")
        screen.line("lookup, published")
        screen.expect("2 links to open, one after another.")
        for words in ("Link 1 of 2, to look up samples and runs", "Link 2 of 2, to read published groups"):
            screen.expect(words)
            screen.paste(lab.authorize(link_in(screen)))
            screen.expect("logged in")
        assert screen.wait() == 0
    assert set(lab.kit.read_tokens()) == {LOOKUP, "majora2.temp_can_read_pags_via_api"}


def test_after_cancel_and_after_a_code_that_is_too_old_a_new_link_follows(lab: Lab) -> None:
    with lab.screen("login", "--for", "lookup") as screen:
        cancelled = lab.majora.deny(lab.user, link_in(screen))
        screen.paste(cancelled)
        talk(screen, "The login was cancelled in the browser.", "A new link, to look up samples and runs:")
        address = lab.authorize(link_in(screen))
        lab.majora.shift_clock(61)
        screen.paste(address)
        talk(screen, "Majora does not accept this code any more.", "[LGN021]")
        screen.paste(lab.authorize(link_in(screen)))
        talk(screen, "logged in", ends=0)
        assert "error=" not in screen.text
        assert "code=" not in screen.text


def test_what_is_pasted_instead_has_its_own_message_and_the_link_stays_open(lab: Lab) -> None:
    """Each kind of paste: tests/majora/test_paste.py and test_messages.py."""
    with lab.screen("login", "--for", "lookup") as screen:
        link = link_in(screen)
        callback = parse_qs(urlsplit(link).query)["redirect_uri"][0]
        for paste, said in (
            (link, "That is the link to open"),
            (f"{callback}?code=abcdefghijklmnop&state=of-an-earlier-link", "Use the link above. [LGN006]"),
            ("well, hm", "no code in what was pasted"),
        ):
            screen.paste(paste)
            talk(screen, said, "> ")
        long = lab.authorize(link).replace("?", f"?padding={'x' * 9_000}&")
        screen.paste("\n".join(long[at : at + 76] for at in range(0, len(long), 76)) + "\n")
        talk(screen, "logged in", ends=0)


def test_ctrl_c_names_every_open_link_and_the_way_finishes_all(lab: Lab) -> None:
    with lab.screen("login", "--for", "upload", "--no-verify") as screen:
        screen.paste(lab.authorize(link_in(screen)))
        screen.expect("Link 2 of 4")
        link_in(screen)
        screen.send(CTRL_C)
        talk(
            screen,
            "Still open",
            "Interrupted; 3 logins not finished.",
            "ocarina-kit login --callback -",
            ends=130,
        )
        assert screen.echoes
        links = re.findall(LINK, screen.text.partition("Still open")[2])
    assert len(links) == 3
    with lab.screen("login", "--callback", "-") as screen:  # what it asks for is not shown
        screen.expect("Paste the address")
        screen.paste("\n".join(lab.authorize(link) for link in links))
        assert screen.wait() == 0
    assert set(lab.kit.read_tokens()) == set(UPLOAD)


def test_one_permission_that_is_missing_stops_no_other_login(lab: Lab) -> None:
    lab.majora.set_permissions(lab.user, [LOOKUP])
    with lab.screen("login", "--for", "info", "--for", "lookup") as screen:
        screen.paste(lab.authorize(link_in(screen)))
        talk(
            screen,
            "Your Majora account lacks a permission for this. [LGN012]",
            "majora2.view_majoraartifact_info",
        )
        screen.paste(lab.authorize(link_in(screen)))
        talk(screen, "logged in", ends=1)
    assert list(lab.kit.read_tokens()) == [LOOKUP]


def test_a_wrong_client_stops_all(lab: Lab) -> None:
    with lab.screen("login", "--for", "upload") as screen:
        link = link_in(screen)
        lab.kit.write_config({**lab.config, "CLIENT_SECRET": "x" * 128})
        lab.majora.remove_application(lab.app)
        screen.paste(link)
        talk(screen, "Majora does not accept this client id and secret. [CRD001]", ends=1)
        assert "Link 2" not in screen.text


def test_a_browser_opens_only_where_it_can_be_seen(lab: Lab) -> None:
    opened = lab.kit.home / "opened"
    program = lab.kit.home / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    program.chmod(0o755)
    seen = {"BROWSER": f"{program} %s", "DISPLAY": ":0"}
    os.mkfifo(opened)
    with lab.screen("login", "--for", "lookup", env=seen) as screen:
        screen.expect("Your browser opens this link. Press Authorize")
        link = link_in(screen)
        done = subprocess.run(["cat", opened], capture_output=True, text=True, timeout=WAIT, check=True)
        assert done.stdout == f"{link}\n"
    opened.unlink()
    with lab.screen("login", "--for", "lookup", env={**seen, "SSH_TTY": "/dev/pts/0"}) as screen:
        screen.expect("Open this link, press Authorize")
        link_in(screen)
    assert not opened.exists()
