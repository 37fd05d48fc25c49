"""Many refreshes at once on one tokens file: each refresh token is spent once, and everybody ends well."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.cli.conftest import LOOKUP, Lab

SCOPES = (LOOKUP, "majora2.view_majoraartifact_info")


@pytest.mark.parametrize("number", [6, pytest.param(16, marks=pytest.mark.soak)])
def test_processes_that_race_spend_each_refresh_token_once(lab: Lab, number: int) -> None:
    lab.give(*SCOPES)
    lab.has_expired()
    before, known = lab.kit.read_tokens(), lab.majora.stats()["spent"]
    with ThreadPoolExecutor(number) as pool:
        codes = list(pool.map(lambda _: lab.kit.run("refresh", "--within", "9h").code, range(number)))
    assert codes == [0] * number
    spent = [times for each, times in lab.majora.stats()["spent"].items() if each not in known]
    assert spent == [1] * len(SCOPES)
    after = lab.kit.read_tokens()
    for scope in SCOPES:
        assert after[scope]["refresh_token"] != before[scope]["refresh_token"]
        assert lab.majora.token_state(after[scope]["access_token"]) == "live"
