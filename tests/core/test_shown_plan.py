"""A plan as it is shown: what changes can be seen, and no secret can, whatever the file looks like."""

from __future__ import annotations

import json
from pathlib import PurePath

import pytest

from ocarina_kit.core.config.document import ConfigDocument
from ocarina_kit.core.plan import Chmod, Plan, RefreshTokens, SetCrontab, WriteFile
from ocarina_kit.core.shown_plan import shown

PATH = PurePath("/home/lab/.ocarina")
SECRET = "Se" + "b2" * 63
ID = "Id" + "a1" * 19
GOOD = {
    "MAJORA_DOMAIN": "https://majora.lab.test",
    "MAJORA_USER": "lab",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": ID,
}


def text_of(before: bytes, after: bytes, kind: str = "config") -> str:
    return shown(Plan((WriteFile(PATH, kind, before, after, "why"),)))


def test_the_domain_is_shown_and_the_secret_is_not() -> None:
    before = json.dumps({**GOOD, "CLIENT_SECRET": SECRET}, indent=4).encode()
    text = text_of(before, before.replace(b'lab.test"', b'lab.test/"'))
    assert '-    "MAJORA_DOMAIN": "https://majora.lab.test",' in text
    assert '+    "MAJORA_DOMAIN": "https://majora.lab.test/",' in text


@pytest.mark.parametrize(
    "before",
    [
        {"CLIENT_ID": SECRET, "CLIENT_SECRET": ID},
        {"CLIENT_ID": ID, "CLIENT_SECRET": SECRET[:60] + "\n " + SECRET[60:]},
        {"CLIENT_ID": ID, "CLIENT_SCERET": SECRET},
        {"CLIENT_ID": ID, "mine": {"password": SECRET}},
    ],
)
def test_no_secret_is_shown_wherever_it_stands(before: dict[str, object]) -> None:
    after = {**before, "MAJORA_TOKEN": "OAUTH", "CLIENT_SECRET": SECRET}
    text = text_of(json.dumps(before, indent=4).encode(), json.dumps(after, indent=4).encode())
    assert SECRET[2:12] not in text
    assert "CLIENT_SECRET" in text


@pytest.mark.parametrize("broken", ["{{'CLIENT_SECRET': '{0}',}}", '{{"CLIENT_SECRET": "{0}\n{0}",}}'])
def test_nor_of_a_broken_file(broken: str) -> None:
    before = broken.format(SECRET).encode()
    document = ConfigDocument.parse(before)
    assert isinstance(document, ConfigDocument)
    assert SECRET[2:12] not in text_of(before, document.render())


def test_a_tokens_file_is_laid_out_and_shows_scopes_and_times_alone() -> None:
    entry = {
        "access_token": "acc" * 9,
        "scope": ["majora2.a"],
        "expires_at": 1795537847000,
        "refresh_token": "ref" * 9,
    }
    before = json.dumps({"wrong key": entry}).encode()
    after = json.dumps({"majora2.a": {**entry, "expires_at": 1795537847}}).encode()
    text = text_of(before, after, "tokens")
    assert '+  "majora2.a": {' in text
    assert "1795537847" in text
    assert "accacc" not in text
    assert "refref" not in text


def test_other_lines_of_the_crontab_are_not_shown() -> None:
    before = b"* * * * * curl -u me:hunter2 x\n0 0 * * * old\n"
    text = shown(Plan((SetCrontab(before, before.replace(b"old", b"new"), "why"),)))
    assert "hunter2" not in text
    assert "-0 0 * * * old" in text
    assert "+0 0 * * * new" in text


def test_the_other_changes_in_words() -> None:
    text = shown(Plan((Chmod(PATH, 0o644, 0o600, "w"), RefreshTokens(("majora2.a",), "w"))))
    assert text == "chmod 600 /home/lab/.ocarina  (was 644)\nrefresh majora2.a"
