"""ENV001 to ENV008 over literals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from tests.checks.configs import GOOD, HOME, config_of

from ocarina_kit.checks.client import CHECKS
from ocarina_kit.checks.model import Finding, Outcome
from ocarina_kit.core.client.resolution import Candidate, Place, Resolution, State, Version
from ocarina_kit.core.environment_facts import EnvironmentFacts
from ocarina_kit.core.facts import ClientFacts, Facts
from ocarina_kit.core.file_facts import FolderFacts
from ocarina_kit.core.oauth.network import NetFailure, Reach, Step
from ocarina_kit.core.oauth.network_facts import ApiFacts, NetworkFacts
from ocarina_kit.core.oauth.server_words import Identity, TokenProbe

BY_ID = {check.id: check for check in CHECKS}
FACTS = Facts(config_of(GOOD))


def test_the_rows_are_those_of_the_catalogue() -> None:
    assert [(check.id, check.rests_on) for check in CHECKS] == [
        ("ENV001", ()),
        ("ENV002", (("ENV003",),)),
        ("ENV003", (("ENV001",),)),
        ("ENV004", (("ENV002",), ("API001", "API002"))),
        ("ENV005", (("ENV001",),)),
        ("ENV006", ()),
        ("ENV007", (("SRV002",),)),
        ("ENV008", ()),
    ]
    assert [check.id for check in CHECKS if check.online] == ["ENV004", "ENV007"]


def a_client(path: str, state: State = State.MAJORA, version: str = "1.0.0") -> Candidate:
    numbers = Version(tuple(map(int, version.split(".")))) if state is State.MAJORA else None
    return Candidate(path, path, Place.PATH, "PATH", state, numbers)


def probe(id: str, *candidates: Candidate, facts: Facts = FACTS) -> Outcome:
    chosen = next((each for each in candidates if each.works), None)
    shell = candidates[0] if candidates else None
    found = Resolution(chosen, "", candidates, shell=shell, looked=("PATH", "conda environments"))
    return BY_ID[id].probe(replace(facts, client=ClientFacts(found)))


def test_no_client_says_where_it_looked() -> None:
    outcome = probe("ENV001")
    assert outcome.status == "fail"
    assert "PATH; conda environments" in outcome.detail
    assert Finding(BY_ID["ENV001"], outcome).remedy.commands == ("ocarina-kit install-client",)


@pytest.mark.parametrize("state", [State.UNRELATED, State.OTHER])
def test_another_program_of_that_name(state: State) -> None:
    assert probe("ENV003", a_client("/a/ocarina", state)).status == "ok"
    assert probe("ENV002", a_client("/a/ocarina", state)).status == "fail"


def test_a_client_that_works_elsewhere_is_named() -> None:
    outcome = probe("ENV002", a_client("/a/ocarina", State.UNRELATED), a_client("/opt/my env/ocarina"))
    assert outcome.remedy is not None
    assert outcome.remedy.commands == ("export PATH='/opt/my env':$PATH",)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.DEAD, "fail"),
        (State.IMPORT_ERROR, "fail"),
        (State.CRASHED, "fail"),
        (State.NOT_EXECUTABLE, "fail"),
        (State.TIMED_OUT, "unknown"),
        (State.MAJORA, "ok"),
    ],
)
def test_whether_it_runs(state: State, status: str) -> None:
    assert probe("ENV003", a_client("/a/ocarina", state)).status == status


def test_several_versions() -> None:
    two = (a_client("/a/ocarina"), a_client("/b/ocarina", version="0.48.0"))
    assert probe("ENV005", *two).status == "warn"
    assert "this shell runs /a/ocarina" in probe("ENV005", *two).detail
    assert probe("ENV005", two[0], a_client("/c/ocarina")).status == "ok"


def test_the_servers_word_on_the_version() -> None:
    def said(answer: TokenProbe | None) -> Outcome:
        tokens = {} if answer is None else {"majora2.a": answer}
        return probe(
            "ENV004", a_client("/a/ocarina", version="0.36.1"), facts=replace(FACTS, api=ApiFacts(tokens))
        )

    assert said(TokenProbe("alive", "", client_ok=True)).status == "ok"
    refused = said(TokenProbe("alive", "", client_ok=False, wanted_version="0.44.0"))
    assert refused.status == "fail"
    assert "refuses ocarina 0.36.1: it wants 0.44.0" in refused.detail
    assert said(TokenProbe("alive", "")).status == "skip"
    assert said(None).status == "skip"


@pytest.mark.parametrize(
    ("skew", "status"), [(0, "ok"), (60, "ok"), (-61, "warn"), (300, "warn"), (301, "fail"), (-9999, "fail")]
)
def test_the_clock(skew: float, status: str) -> None:
    network = NetworkFacts("https://x/", identity=Identity("majora", "", skew=skew))
    outcome = BY_ID["ENV007"].probe(replace(FACTS, network=network))
    assert outcome.status == status
    if status != "ok":
        assert ("behind" if skew > 0 else "ahead") in outcome.detail


def test_no_answer_tells_no_time() -> None:
    failed = Reach(tcp=Step(None, 1), tls=Step(NetFailure("tls-expired", ""), 1))
    no_tls = NetworkFacts("https://x/", reach=failed)
    busy = NetworkFacts("https://x/", identity=Identity("unusable", ""))
    silent = NetworkFacts("https://x/", identity=Identity("majora", ""))
    found = [BY_ID["ENV007"].probe(replace(FACTS, network=each)) for each in (no_tls, busy, silent)]
    assert [(each.status, each.cause) for each in found] == [
        ("skip", "SRV003"),
        ("skip", "SRV004"),
        ("skip", None),
    ]


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        (FolderFacts(HOME, exists=False), "is no folder"),
        (FolderFacts(HOME, exists=True, writable=False), "may not be written"),
        (FolderFacts(HOME, exists=True, writable=False, problem="mounted read-only"), "mounted read-only"),
        (FolderFacts(HOME, exists=True, writable=True, free_bytes=4096), "no space left"),
        (FolderFacts(HOME, exists=True, writable=True, free_bytes=1 << 30, free_inodes=0), "no inodes left"),
    ],
)
def test_a_folder_that_cannot_be_written(folder: FolderFacts, words: str) -> None:
    environment = EnvironmentFacts(folders={"your home": folder})
    outcome = BY_ID["ENV008"].probe(replace(FACTS, environment=environment))
    assert outcome.status == "fail"
    assert words in outcome.detail
    assert outcome.remedy is not None
    assert outcome.remedy.commands


def test_folders_that_are_others_matters() -> None:
    gone = FolderFacts(PurePosixPath("/gone"), exists=False)
    fine = FolderFacts(HOME, exists=True, writable=True)
    environment = EnvironmentFacts(
        folders={"your home": fine, "the tokens file": gone, "the configuration": gone}
    )
    assert BY_ID["ENV008"].probe(replace(FACTS, environment=environment)).status == "ok"
