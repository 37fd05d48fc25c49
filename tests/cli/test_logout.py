"""``ocarina-kit logout``: revoked at the server, then deleted here."""

from tests.cli.conftest import LOOKUP, UPLOAD, Lab

ENTRY = "37 2-23/3 * * * /opt/bin/ocarina-kit refresh --cron # ocarina-kit\n"
OTHERS = "0 5 * * * /usr/bin/backup\n"


def test_one_is_revoked_or_all_and_the_crontab_entry_that_is_left_is_named(
    lab: Lab,
) -> None:
    tokens = lab.give(LOOKUP, *UPLOAD)
    lab.kit.crontab = OTHERS + ENTRY
    for option, value, scope in (
        ("--for", "lookup", LOOKUP),
        ("--scope", UPLOAD[0], UPLOAD[0]),
    ):
        ran = lab.kit.run("logout", "--yes", option, value)
        assert (ran.code, "crontab" in ran.all) == (0, False), ran
        assert lab.majora.token_state(tokens.pop(scope)["refresh_token"]) == "dead"
        assert lab.kit.read_tokens() == tokens
    ran = lab.kit.run("logout", "--yes")
    assert (ran.code, lab.kit.read_tokens(), lab.kit.crontab) == (
        0,
        {},
        OTHERS + ENTRY,
    ), ran
    assert ran.out.startswith(
        "revoked    update samples: deleted here\n"
        "revoked    add libraries: deleted here\n"
    )
    assert ran.out.endswith("  ocarina-kit schedule --remove\n")
    lab.kit.crontab = OTHERS
    assert lab.kit.run("logout", "--dry-run").out == "Nothing was changed.\n"
    ran = lab.kit.run("logout", "--yes", "--json")
    assert (set(ran.json), "crontab" in ran.all) == (
        {"schema", "command", "ok", "exit"},
        False,
    )


def test_without_a_yes_the_change_is_only_shown(lab: Lab) -> None:
    lab.give(LOOKUP)
    ran = lab.kit.run("logout", "--for", "lookup", "--json")
    again = [
        "ocarina-kit logout --for lookup --yes"
    ]  # without --for it would revoke all tokens
    assert (ran.code, ran.json["error"]["remedy"]["commands"]) == (2, again)
    ran = lab.kit.run("logout", "--dry-run")
    assert (ran.code, "--- ~/.ocarina-tokens (current)" in ran.out) == (0, True)
    assert '-    "access_token": "**** (30 characters)",' in ran.out
    assert lab.state() == "live"


def test_what_the_server_does_not_confirm_is_kept(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.majora.fault("status", "/o/revoke_token/", status=503)
    ran = lab.kit.run("logout", "--yes")
    assert (ran.code, "ocarina-kit logout --local" in ran.err) == (5, True), ran
    assert list(lab.kit.read_tokens()) == [LOOKUP]
    local = lab.kit.run("logout", "--yes", "--local")
    assert (local.code, "still valid at the server" in local.all) == (0, True)
    assert lab.kit.read_tokens() == {}


def test_at_a_terminal_it_offers_to_remove_the_entry(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.kit.crontab = OTHERS + ENTRY
    lab.talk("logout", ("[Y/n]", "n"), "Nothing was changed.")
    assert lab.state() == "live"
    offer = ("No token is left. Remove the crontab entry too? [Y/n]", "")
    lab.talk(
        "logout",
        "look up samples and runs",
        ("Revoke these tokens", "y"),
        offer,
        "removed",
    )
    assert lab.kit.crontab == OTHERS


def test_with_a_deleted_application_the_tokens_can_be_forgotten(lab: Lab) -> None:
    lab.give(LOOKUP)
    lab.majora.remove_application(lab.app)
    ran = lab.kit.run("logout", "--yes")
    assert (ran.code, "Try: ocarina-kit logout --local" in ran.err) == (1, True), ran
    assert lab.kit.run("logout", "--local", "--yes").code == 0
    assert lab.kit.read_tokens() == {}
