"""From configuration facts to a set-up: mended in memory and said, or refused with the check that says it best."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import pytest
from tests.checks.configs import GOOD, ID, KEY, SECRET, config_of, env_of, with_file

from ocarina_kit.checks.usable import usable_setup
from ocarina_kit.core.config.layers import Setting
from ocarina_kit.core.errors import KitError
from ocarina_kit.core.facts import ConfigFacts
from ocarina_kit.core.file_facts import FileKind
from ocarina_kit.core.setup import Setup


def usable(config: ConfigFacts) -> Setup:
    def locate(settings: Mapping[str, Setting]) -> PurePath:
        return PurePath(settings["MAJORA_TOKENS_FILE"].text)

    return usable_setup(config, locate)


def test_a_good_configuration() -> None:
    setup = usable(config_of({**GOOD, "MAJORA_TOKENS_FILE": "/t"}))
    assert (setup.domain, setup.user, setup.client_id) == ("https://majora.lab.test/", "lab-user", ID)
    assert setup.client_secret.reveal() == SECRET
    assert setup.tokens_file == PurePath("/t")
    assert setup.legacy_key is None
    assert setup.notes == ()


def test_what_has_one_meaning_is_mended_in_memory_and_said() -> None:
    setup = usable(
        config_of(
            {
                **GOOD,
                "MAJORA_DOMAIN": "https://majora.lab.test",
                "CLIENT_SECRET": f"{SECRET}\n",
                "MAJORA_TOKEN": "oauth",
            }
        )
    )
    assert setup.domain == "https://majora.lab.test/"
    assert setup.client_secret.reveal() == SECRET
    assert [note.split("]")[0] for note in setup.notes] == ["[CFG007", "[CFG008", "[CFG009"]
    assert all("ocarina-kit doctor --fix" in note for note in setup.notes)
    assert SECRET not in str(setup)


def test_a_legacy_key_needs_no_id_and_secret() -> None:
    setup = usable(config_of({**GOOD, "MAJORA_TOKEN": KEY, "CLIENT_ID": "", "CLIENT_SECRET": ""}))
    assert setup.legacy_key is not None
    assert setup.legacy_key.reveal() == KEY


def test_the_environment_is_mended_value_by_value() -> None:
    environ = {**GOOD, "MAJORA_DOMAIN": "https://majora.lab.test", "CLIENT_ID": SECRET, "CLIENT_SECRET": ID}
    setup = usable(env_of(environ))
    assert (setup.domain, setup.client_id) == ("https://majora.lab.test/", ID)
    assert [note.split("]")[0] for note in setup.notes] == ["[CFG007", "[CFG009"]


@pytest.mark.parametrize(
    ("config", "id"),
    [
        (with_file(kind=FileKind.MISSING, content=None), "CFG001"),
        (config_of(b"{"), "CFG002"),
        (config_of({}), "CFG004"),
        (config_of({**GOOD, "MAJORA_USER": "your-username"}), "CFG005"),
        (config_of({**GOOD, "MAJORA_DOMAIN": "http://majora.lab.test/"}), "CFG006"),
        (config_of({**GOOD, "CLIENT_SECRET": "pbkdf2_sha256$1$a$b"}), "CFG009"),
        (config_of({**GOOD, "default": 3}), "CFG010"),
        (config_of(GOOD, "gone"), "CFG011"),
        (env_of({}), "CFG004"),
    ],
)
def test_what_leaves_nothing_to_work_with(config: ConfigFacts, id: str) -> None:
    with pytest.raises(KitError) as caught:
        usable(config)
    error: Any = caught.value
    assert error.id == id
    assert error.remedy.commands
    assert error.why
