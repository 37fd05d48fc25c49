"""``ocarina-kit login``: two steps without a terminal.

And as a person meets it: a link, a browser, a paste.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from tests.cli.conftest import LINK, LOOKUP, UPLOAD, Lab, link_in, talk
from tests.client.stub import program
from tests.conftest import mode_of
from tests.terminal import CTRL_C, WAIT

from ocarina_kit.sandbox import install_standin


def link(lab: Lab, *args: str) -> str:
    ran = lab.kit.run("login", "--print-url", *args)
    assert ran.code == 0, ran
    return ran.out.removesuffix("\n")


def test_two_steps(lab: Lab) -> None:
    url = link(lab)
    assert url.startswith(f"{lab.majora.url}o/authorize/?response_type=code")
    assert "\n" not in url, "the link alone"
    done = lab.kit.run("login", "--callback", "-", stdin=f"  <{lab.authorize(url)}>\n")
    assert done.out == (
        "logged in  look up samples and runs: valid for 10 h\n"
        "Try it (replace what is in capitals):\n"
        "  ocarina --oauth get biosample --central-sample-id YOUR_SAMPLE\n"
    )
    assert (done.code, lab.state(), mode_of(lab.kit.tokens)) == (0, "live", 0o600)
    query = next(seen for seen in lab.majora.requests if "validity" in seen.path)
    assert query.path.startswith("/api/"), "verified by a harmless query"


def test_the_callback_as_a_file_and_as_itself_is_never_repeated(lab: Lab) -> None:
    file = lab.kit.home / "address"
    file.write_text(lab.authorize(link(lab)))
    assert lab.kit.run("login", "--callback", file).code == 0
    address = f"?{lab.authorize(link(lab, '--force')).partition('?')[2]}"
    assert lab.kit.run("login", "--callback", address, "--force").code == 0
    encoded = quote(lab.authorize(link(lab, "--force")), safe="")
    assert lab.kit.run("login", "--callback", encoded).code == 0
    paste = "code-of-a-broken-paste-AbCdEf0123456789"
    lab.kit.secrets |= {paste, "SeCrEtCoDe0123456789"}
    for given in (
        paste,
        f"{lab.majora.url}o/callback/?code=SeCrEtCoDe0123456789&state=x",
    ):
        assert lab.kit.run("login", "--callback", given, "--json").code in (1, 2)


def test_a_callback_used_twice(lab: Lab) -> None:
    """No new link where the token is there, one at once where it is not."""
    address = lab.authorize(link(lab))
    assert lab.kit.run("login", "--callback", address).code == 0
    again = lab.kit.run("login", "--callback", "-", stdin=f"{address}\nthanks")
    assert (again.code, "o/authorize/" in again.all) == (0, False), again
    for words in ("was used before", "valid      look up samples and runs: until"):
        assert words in again.all
    lab.kit.tokens.write_text("{")  # damaged: it is set aside
    lost = lab.kit.run("login", "--callback", address)
    assert (lost.code, "[LGN021]" in lost.err) == (1, True)
    new = next(line for line in lost.out.splitlines() if "o/authorize/" in line)
    assert lab.kit.run("login", "--callback", lab.authorize(new)).code == 0
    assert list((lab.kit.state / "backups").glob("tokens-damaged*"))


def test_a_code_that_is_too_old_where_another_login_has_brought_the_token(
    lab: Lab,
) -> None:
    """No new link, unless a new token was asked for."""
    old, good = (lab.authorize(link(lab)) for _ in range(2))
    assert lab.kit.run("login", "--callback", good).code == 0
    for address, is_forced in (
        (old, False),
        (lab.authorize(link(lab, "--force")), True),
    ):
        lab.majora.shift_clock(61)
        ran = lab.kit.run("login", "--callback", address)
        assert (ran.code, "o/authorize/" in ran.out, "[LGN021]" in ran.err) == (
            is_forced,
            is_forced,
            True,
        )


def test_several_addresses_and_one_of_them_was_cancelled(lab: Lab) -> None:
    lookup, info, published = link(
        lab, "--for", "lookup", "--for", "info", "--for", "published"
    ).split()
    broken = lab.authorize(published)
    start = (
        f"1. {lab.authorize(lookup)}\n2. {lab.majora.deny(lab.user, info)}\n"
        f"3. {broken[:50]}\n"
    )
    ran = lab.kit.run("login", "--callback", "-", stdin=f"{start}{broken[50:-9]}\n")
    assert (ran.code, re.findall(r"\[LGN\d+", ran.err)) == (
        1,
        ["[LGN011", "[LGN009"],
    ), ran
    ran = lab.kit.run("login", "--callback", "-", stdin=f"{start}{broken[50:]}\nok?")
    assert (ran.code, re.findall(r"\[LGN\d+", ran.err)) == (1, ["[LGN011"]), ran


def test_a_callback_goes_only_to_the_server_of_its_link(lab: Lab) -> None:
    address = lab.authorize(link(lab))
    other = lab.kit.home / "other"
    other.write_text(json.dumps({**lab.config, "MAJORA_DOMAIN": "http://127.0.0.1:9/"}))
    lab.kit.write_config(
        {**lab.config, "profile": {"x": {"MAJORA_TOKENS_FILE": "~/x"}}}
    )
    for args, id in (
        (("--config", other), "[LGN005]"),
        (("--profile", "x"), "[LGN006]"),
    ):
        ran = lab.kit.run("login", "--callback", address, *args)
        assert (ran.code, id in ran.err) == (1, True), ran
    assert lab.kit.run("login", "--callback", address).code == 0


def test_the_link_pasted_back_asks_majora_about_the_client(lab: Lab) -> None:
    """Its error page says so, and many paste the address of that page: the link."""
    opened = link(lab).strip()
    ran = lab.kit.run("login", "--callback", opened)
    assert (ran.code, "[LGN003]" in ran.err, "error there" in ran.err) == (
        1,
        True,
        True,
    )
    page = lab.kit.run("login", "--callback", "-", stdin="Mismatching redirect URI.")
    assert (page.code, "[LGN023]" in page.err) == (1, True), page
    lab.majora.remove_application(lab.app)
    ran = lab.kit.run("login", "--callback", opened)
    assert (ran.code, "[CRD001]" in ran.err) == (1, True), ran


def test_without_a_browser_only_what_needs_none(lab: Lab) -> None:
    """A token that is valid or can be refreshed; else both steps are named."""
    ran = lab.kit.run("login", "--for", "upload", "--json")
    steps = [
        "ocarina-kit login --for upload --print-url",
        "ocarina-kit login --callback -",
    ]
    error = ran.json["error"]
    assert (ran.code, error["id"], error["remedy"]["commands"]) == (2, "LGN015", steps)
    lab.give(LOOKUP)
    ran = lab.kit.run("login")
    assert ran.out.startswith("valid      look up samples and runs: until ")
    assert (ran.code, "ocarina --oauth get biosample" in ran.out) == (0, True)
    forced = lab.kit.run("login", "--force")
    assert (
        forced.code,
        "Try: ocarina-kit login --for lookup --force --print-url" in forced.err,
    ) == (2, True)
    lab.has_expired()
    ran = lab.kit.run("login")
    assert ran.out.startswith("refreshed  look up samples and runs: valid for 10 h\n")
    assert (ran.code, lab.state()) == (0, "live")
    lab.majora.revoke(lab.kit.read_tokens()[LOOKUP])
    ran = lab.kit.run("login")
    assert (ran.code, "A new login is needed." in ran.out) == (2, True), ran


def test_a_refresh_token_that_majora_never_answers_leads_to_a_link(lab: Lab) -> None:
    """As on the real server, once its access token was deleted on Majora's page."""
    lab.give(LOOKUP)
    lab.has_expired()
    lab.majora.fault("empty", times=None, grant_type="refresh_token")
    first, second = (lab.kit.run("refresh") for _ in range(2))
    assert (first.code, "Try: ocarina-kit refresh" in first.err) == (5, True), first
    login = "ocarina-kit login --for lookup"
    assert (second.code, f"Try: {login}" in second.err) == (4, True), second
    status = lab.kit.run("status")
    assert (status.code, status.out.splitlines()[-1]) == (4, f"Next step: {login}")
    doctor = lab.kit.run("doctor", "--only", "TOK")
    assert doctor.out.splitlines()[-1] == f"Next step: {login}"
    lab.majora.clear_requests()
    text = link(lab)
    assert [seen.grant_type for seen in lab.majora.requests] == []
    address = lab.authorize(text)
    assert lab.kit.run("login", "--callback", "-", stdin=address).code == 0
    assert lab.state() == "live"


def test_what_there_is_to_log_in_for(lab: Lab) -> None:
    ran = lab.kit.run("login", "--list")
    assert "\nadd-samples      add samples\n" in ran.out
    assert (
        "upload samples and runs (add-samples, update-samples, libraries and runs)"
        in ran.out
    )
    assert len(ran.out.splitlines()) == 18
    lab.give(
        scope := f"{LOOKUP} majora2.add_biosamplesource"
    )  # no purpose, so no command to try
    assert len(lab.kit.run("login", "--scope", scope).out.splitlines()) == 1
    assert lab.kit.run("login", "--list", "--json").json.keys() == {
        "schema",
        "command",
        "ok",
        "exit",
    }
    assert len(lab.kit.run("login", "--all", "--print-url").out.splitlines()) == 15
    ran = lab.kit.run("login", "--for", "lokup")
    assert (ran.code, "Did you mean lookup?" in ran.err) == (2, True)


def test_no_command_to_try_for_a_client_that_the_server_refuses(
    lab: Lab, tmp_path: Path
) -> None:
    """No promise that a check denies."""
    old = install_standin(tmp_path / "old", "0.43.0")
    for path, id in (
        (f"{old.parent}:/usr/bin:/bin", "[ENV004]"),
        ("/usr/bin:/bin", "[ENV001]"),
    ):
        lab.kit.extra["PATH"] = path
        address = lab.authorize(link(lab, "--force", "--for", "published"))
        ran = lab.kit.run("login", "--callback", address)
        assert (ran.code, id in ran.err, "ocarina --oauth" in ran.all) == (
            0,
            True,
            False,
        ), ran
        assert ran.out.endswith("Next step: ocarina-kit install-client\n")
        lab.kit.tokens.unlink()


def test_a_server_that_is_down_keeps_the_login_open(lab: Lab) -> None:
    address = lab.authorize(link(lab))
    lab.kit.write_config({**lab.config, "CLIENT_SECRET": "x" * 128})
    ran = lab.kit.run("login", "--callback", address)
    assert (ran.code, "[CRD001]" in ran.err, "o/authorize/" in ran.all) == (
        1,
        True,
        False,
    ), ran
    lab.kit.write_config(lab.config)
    lab.majora.fault("status", status=429, times=1, headers={"Retry-After": "1"})
    assert lab.kit.run("login", "--callback", address).code == 0, (
        "tried again: the code was not used"
    )
    address = lab.authorize(link(lab, "--force"))
    lab.majora.fault("html", after=True)
    lab.majora.shift_clock(600)
    ran = lab.kit.run("login", "--callback", address)
    assert (ran.code, "o/authorize/" in ran.out) == (5, True), ran
    for words in ("[LGN026]", "[ENV007] This machine's clock is"):
        assert words in ran.err


# --- at a terminal


def test_the_menu_has_three_choices_and_a_second_list(lab: Lab) -> None:
    with lab.screen("login") as screen:
        talk(screen, "What will you use ocarina for?", "1 look up samples and runs")
        talk(screen, "2 upload samples and runs 4 links", ("3 something else", "?"))
        talk(screen, ("Majora gives a token of its own for each kind of work", "3"))
        talk(
            screen,
            ("Names, such as", "lokup"),
            ("Did you mean lookup?", "lookup, published"),
        )
        talk(screen, "2 links to open, one after another.")
        for words in (
            "Link 1 of 2, to look up samples and runs",
            "Link 2 of 2, to read published groups",
        ):
            screen.expect(words)
            screen.paste(lab.authorize(link_in(screen)))
        talk(screen, "logged in", ends=0)
    assert set(lab.kit.read_tokens()) == {LOOKUP, "majora2.temp_can_read_pags_via_api"}


def test_after_cancel_and_after_a_code_that_is_too_old_a_new_link_follows(
    lab: Lab,
) -> None:
    with lab.screen("login", "--for", "lookup") as screen:
        screen.paste(lab.majora.deny(lab.user, link_in(screen)))
        talk(
            screen,
            "The login was cancelled in the browser.",
            "A new link, to look up samples and runs:",
        )
        address = lab.authorize(link_in(screen))
        lab.majora.shift_clock(61)
        screen.paste(address)
        talk(screen, "Majora does not accept this code any more.", "[LGN021]")
        screen.paste(lab.authorize(link_in(screen)))
        talk(screen, "logged in", ends=0)
        assert not re.search("error=|code=", screen.text)


def test_what_is_pasted_instead_has_its_own_message_and_the_link_stays_open(
    lab: Lab,
) -> None:
    """Each kind of paste: tests/majora/test_paste.py."""
    with lab.screen(
        "login", "--for", "lookup", columns=40, env={"TERM": "dumb"}
    ) as screen:
        talk(
            screen,
            "1 link to open.",
            "paste the address of the page that opens within 60 seconds:",
        )
        link = link_in(screen)
        assert f"\n{link}\n" in screen.text, "complete, and alone on its line"
        callback = parse_qs(urlsplit(link).query)["redirect_uri"][0]
        for paste, said in (
            (link, "That is the link to open"),
            (
                f"{callback}?code=abcdefghijklmnop&state=of-an-earlier-link",
                "Use the link above. [LGN006]",
            ),
            ("well, hm", "no code in what was pasted"),
        ):
            screen.paste(paste + "\n")
            talk(screen, said, "> ")
        long = lab.authorize(link).replace("?", f"?padding={'x' * 9_000}&")
        screen.paste(
            "\n".join(long[at : at + 76] for at in range(0, len(long), 76)) + "\n"
        )
        talk(screen, "logged in look up samples and runs: valid for 10 h", ends=0)
        assert screen.left_in_the_terminal() == b""


def test_ctrl_c_names_every_open_link_and_the_way_finishes_all(lab: Lab) -> None:
    lab.majora.fault("slow", "api/*", seconds=9)
    with lab.screen("login", "--for", "upload") as screen:
        screen.paste(lab.authorize(link_in(screen)))
        screen.expect("Asking Majora whether it accepts")  # the first one is saved
        screen.send(CTRL_C)
        talk(screen, "Still open", "Interrupted; 3 logins not finished.")
        talk(screen, "ocarina-kit login --callback -", ends=130)
        assert screen.echoes
        links = re.findall(LINK, screen.text.partition("Still open")[2])
    assert len(links) == 3
    lab.majora.clear_faults()
    with lab.screen(
        "login", "--callback", "-"
    ) as screen:  # what it asks for is not shown
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
            "lacks a permission for this. [LGN012]",
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
        talk(
            screen, "Majora does not accept this client id and secret. [CRD001]", ends=1
        )
        assert "Link 2" not in screen.text


def test_a_browser_opens_only_where_it_can_be_seen(lab: Lab) -> None:
    opened = lab.kit.home / "opened"
    browser = program(lab.kit.home / "browser", f'#!/bin/sh\necho "$1" >> {opened}\n')
    seen = {"BROWSER": f"{browser} %s", "DISPLAY": ":0"}
    os.mkfifo(opened)
    with lab.screen("login", "--for", "lookup", env=seen) as screen:
        screen.expect("Your browser opens this link. Press Authorize")
        link = link_in(screen)
        done = subprocess.run(
            ["cat", opened], capture_output=True, text=True, timeout=WAIT, check=True
        )
        assert done.stdout == f"{link}\n"
    opened.unlink()
    with lab.screen(
        "login", "--for", "lookup", env={**seen, "SSH_TTY": "/dev/pts/0"}
    ) as screen:
        screen.expect("Open this link, press Authorize")
        link_in(screen)
    assert not opened.exists()
