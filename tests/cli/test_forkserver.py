"""A forked run is a started one: the same exit code and output, to the byte."""

from __future__ import annotations

import pytest
from tests.cli.conftest import LOOKUP, Lab

COMMANDS = "--version;-h;doctor --offline --skip CRN006;status;login --list;schedule --show;init --api-key-file -;trail"


@pytest.mark.parametrize("words", COMMANDS.split(";"))
def test_the_same_as_a_started_run(words: str, lab: Lab) -> None:
    lab.give(LOOKUP, expires_at=4e9)
    env = {"COLUMNS": "90", "TZ": "Asia/Kathmandu", "FORCE_COLOR": "1"}
    runs = [lab.kit.run(*words.split(), stdin="é\n", env=env, fork=fork) for fork in (True, False)]
    assert runs[0] == runs[1]


def test_a_forked_run_is_guarded(lab: Lab) -> None:
    lab.kit.write_config({**lab.config, "MAJORA_DOMAIN": "https://majora.example.org/"})
    with pytest.raises(AssertionError, match="a guard ended this run"):
        lab.kit.run("doctor", "--only", "SRV")
