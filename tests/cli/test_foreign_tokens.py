"""MAJORA_TOKENS_FILE names a file of another kind: no command overwrites it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Kit

SECRET = "s3cr3T" * 21 + "ab"
COMMANDS = (
    ("doctor", "--fix", "--yes", "--offline"),
    ("logout", "--local", "--yes"),
    ("login", "--print-url", "--scope", "majora2.can"),
    ("refresh",),
    ("status",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: str(words[0]))
@pytest.mark.parametrize("name", [".bashrc", ".ocarina"])
def test_a_file_of_another_kind_is_left_to_the_letter(kit: Kit, name: str, command: tuple[str, ...]) -> None:
    kit.secrets.add(SECRET)
    kit.write_config(
        {
            "MAJORA_DOMAIN": "http://127.0.0.1:9/",
            "MAJORA_USER": "ada",
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": "a1" * 20,
            "CLIENT_SECRET": SECRET,
            "MAJORA_TOKENS_FILE": f"~/{name}",
        }
    )
    (kit.home / ".bashrc").write_text("export PATH=/opt/bin:$PATH\n")
    before = (kit.home / name).read_bytes()
    ran = kit.run(*command)
    assert (kit.home / name).read_bytes() == before
    assert ran.code == 1
    assert "TOK002" in ran.all
    assert f"{name} is no tokens file" in ran.all
