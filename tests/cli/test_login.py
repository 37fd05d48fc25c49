"""``ocarina-kit login`` without a terminal: what needs no browser, the two steps, and everything that can go wrong."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import LOOKUP, Lab
from tests.conftest import Ran, mode_of

from ocarina_kit.sandbox import install_standin


def link(lab: Lab, *args: str) -> str:
    ran = lab.kit.run("login", "--print-url", *args)
    assert ran.code == 0, ran
    return ran.out.removesuffix("\n")


def finish(lab: Lab, *args: str) -> Ran:
    """Both steps."""
    return lab.kit.run("login", "--callback", "-", stdin=lab.authorize(link(lab, "--force", *args)))


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
    paste = "code-of-a-broken-paste-AbCdEf0123456789"
    lab.kit.secrets |= {paste, "SeCrEtCoDe0123456789"}
    for given in (paste, f"{lab.majora.url}o/callback/?code=SeCrEtCoDe0123456789&state=x"):
        assert lab.kit.run("login", "--callback", given, "--json").code in (1, 2)


def test_a_callback_used_twice(lab: Lab) -> None:
    """No new link where the token is there, one at once where it is not."""
    address = lab.authorize(link(lab))
    assert lab.kit.run("login", "--callback", address).code == 0
    again = lab.kit.run("login", "--callback", address)
    assert again.code == 0, again
    assert "was used before" in again.out
    assert "valid      look up samples and runs: until" in again.out
    assert "o/authorize/" not in again.all
    lab.kit.tokens.write_text("{")  # damaged: it is set aside
    lost = lab.kit.run("login", "--callback", address)
    assert (lost.code, "[LGN021]" in lost.err) == (1, True)
    new = next(line for line in lost.out.splitlines() if "o/authorize/" in line)
    assert lab.kit.run("login", "--callback", lab.authorize(new)).code == 0
    assert list((lab.kit.state / "backups").glob("tokens-damaged*"))


def test_a_callback_goes_only_to_the_server_of_its_link(lab: Lab) -> None:
    address = lab.authorize(link(lab))
    other = lab.kit.home / "other"
    other.write_text(json.dumps({**lab.config, "MAJORA_DOMAIN": "http://127.0.0.1:9/"}))
    lab.kit.write_config({**lab.config, "profile": {"x": {"MAJORA_TOKENS_FILE": "~/x"}}})
    for args, id in ((("--config", other), "[LGN005]"), (("--profile", "x"), "[LGN014]")):
        ran = lab.kit.run("login", "--callback", address, *args)
        assert (ran.code, id in ran.err) == (1, True), ran
    assert lab.kit.run("login", "--callback", address).code == 0


def test_without_a_terminal_a_login_names_both_steps(lab: Lab) -> None:
    ran = lab.kit.run("login", "--for", "upload", "--json")
    steps = ["ocarina-kit login --for upload --print-url", "ocarina-kit login --callback -"]
    assert (ran.code, ran.json["error"]["id"], ran.json["error"]["remedy"]["commands"]) == (
        2,
        "LGN015",
        steps,
    )


def test_a_token_that_is_valid_expired_or_revoked(lab: Lab) -> None:
    lab.give(LOOKUP)
    ran = lab.kit.run("login")
    assert ran.code == 0
    assert "valid      look up samples and runs: until " in ran.out
    assert "ocarina --oauth get biosample" in ran.out
    assert lab.kit.run("login", "--force").code == 2
    lab.has_expired()
    ran = lab.kit.run("login")
    assert ran.code == 0, ran
    assert ran.out.startswith("refreshed  look up samples and runs: valid for 10 h\n")
    assert lab.state() == "live"
    lab.majora.revoke(lab.kit.read_tokens()[LOOKUP])
    ran = lab.kit.run("login")
    assert (ran.code, "A new login is needed." in ran.out) == (2, True), ran


def test_what_there_is_to_log_in_for(lab: Lab) -> None:
    ran = lab.kit.run("login", "--list")
    assert "\nadd-samples      add samples\n" in ran.out
    assert "upload samples and runs (add-samples, update-samples, libraries and runs)" in ran.out
    assert len(ran.out.splitlines()) == 18
    assert lab.kit.run("login", "--list", "--json").json.keys() == {"schema", "command", "ok", "exit"}
    assert len(lab.kit.run("login", "--all", "--print-url").out.splitlines()) == 15
    ran = lab.kit.run("login", "--for", "lokup")
    assert (ran.code, "Did you mean lookup?" in ran.err) == (2, True)


def test_no_command_to_try_for_a_client_that_the_server_refuses(lab: Lab, tmp_path: Path) -> None:
    """No promise that a check denies."""
    old = install_standin(tmp_path / "old", "0.43.0")
    for path, id in ((f"{old.parent}:/usr/bin:/bin", "[ENV004]"), ("/usr/bin:/bin", "[ENV001]")):
        lab.kit.extra["PATH"] = path
        ran = finish(lab, "--for", "published")
        assert ran.code == 0, ran
        assert id in ran.err
        assert "ocarina --oauth" not in ran.all
        assert ran.out.endswith("Next step: ocarina-kit install-client\n")
        lab.kit.tokens.unlink()


def test_a_server_that_is_down_keeps_the_login_open(lab: Lab) -> None:
    address = lab.authorize(link(lab))
    lab.kit.write_config({**lab.config, "CLIENT_SECRET": "x" * 128})
    ran = lab.kit.run("login", "--callback", address)
    assert (ran.code, "[CRD001]" in ran.err, "o/authorize/" in ran.all) == (1, True, False), ran
    lab.kit.write_config(lab.config)
    lab.majora.fault("status", status=429, times=1, headers={"Retry-After": "1"})
    assert lab.kit.run("login", "--callback", address).code == 0, "tried again: the code was not used"
    address = lab.authorize(link(lab, "--force"))
    lab.majora.fault("html", after=True)
    lab.majora.shift_clock(600)
    ran = lab.kit.run("login", "--callback", address)
    assert (ran.code, "o/authorize/" in ran.out) == (5, True), ran
    for words in ("[LGN026]", "[ENV007] This machine's clock is"):
        assert words in ran.err
