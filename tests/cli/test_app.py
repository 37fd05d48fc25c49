"""The command line's frame: help, version, usage errors and the JSON document, through the real process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import ocarina_kit
from ocarina_kit.cli.commands import COMMANDS

if TYPE_CHECKING:
    from tests.conftest import Kit


def test_version_before_and_after_a_command(kit: Kit) -> None:
    for args in (["--version"], ["status", "--version"], ["--profile", "x", "status", "--version"]):
        ran = kit.run(*args)
        assert (ran.code, ran.out) == (0, f"ocarina-kit {ocarina_kit.__version__}\n")


def test_help_names_every_command(kit: Kit) -> None:
    ran = kit.run("--help")
    assert ran.code == 0
    for name, _, summary in COMMANDS:
        assert name in ran.out
        assert summary.split(":")[0] in ran.out


@pytest.mark.parametrize("args", [["--bogus"], ["bogus"], ["status", "--bogus"], ["--config"]])
def test_wrong_usage_is_exit_2_with_the_help_to_read(kit: Kit, args: list[str]) -> None:
    ran = kit.run(*args)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error [USE001]: ")
    assert "--help" in ran.err


def test_wrong_usage_as_json(kit: Kit) -> None:
    ran = kit.run("status", "--bogus", "--json")
    assert ran.code == 2
    document = ran.json
    assert document["schema"] == 1
    assert document["command"] == "status"
    assert document["ok"] is False
    assert document["exit"] == 2
    assert document["error"]["remedy"]["commands"] == ["ocarina-kit status --help"]


@pytest.mark.parametrize(
    "args",
    [
        ["bogus"],
        ["status", "--bogus"],
        ["refresh", "extra"],
        ["status", "--within", "soon"],
        ["init", "--config", "another"],
        ["init", "--instance", "test", "--domain", "https://x.example.org/"],
        ["init", "--domain", "http://x.example.org/", "--user", "u", "--client-id", "i" * 40],
        ["init", "--profile", "a/b", "--yes"],
        ["init", "--client-secret-file", "-", "--api-key-file", "-"],
        ["login", "--print-url", "--callback", "-"],
        ["login", "--for", "nonsense"],
        ["schedule", "--show", "--test"],
        ["schedule", "--show", "--every", "3h"],
        ["schedule", "--every", "7m"],
        ["doctor", "--report", "-"],
        ["doctor", "--only", "NONE999"],
        ["doctor", "--explain", "NONE999"],
        ["install-client"],
        ["install-client", "--env", "a", "--prefix", "b"],
    ],
    ids=" ".join,
)
def test_wrong_usage_says_what_why_and_what_mends_it(kit: Kit, args: list[str]) -> None:
    kit.write_config(
        {
            "MAJORA_DOMAIN": "https://majora.example.org/",
            "MAJORA_USER": "u",
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": "i" * 39 + "d",
            "CLIENT_SECRET": "s" * 127 + "t",
        }
    )
    ran = kit.run(*args, "--json", stdin="")
    assert ran.code == ran.json["exit"] == 2
    error = ran.json["error"]
    assert error["id"]
    assert error["what"]
    assert error["why"]
    assert error["remedy"]["text"]
    assert error["why"] not in error["what"]
