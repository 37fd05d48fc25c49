"""Which client is meant, over literals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocarina_kit.core.client.resolution import (
    MINIMUM_VERSION,
    PLACES,
    Candidate,
    Place,
    Search,
    State,
    Verdict,
    client_version,
    judge_run,
    parse_version,
    resolve,
)

ONE = parse_version("1.0.0")
OLD = parse_version("0.36.1")


def made(path: str, place: Place = Place.PATH, state: State = State.MAJORA, **more: object) -> Candidate:
    version = ONE if state is State.MAJORA else None
    candidate = Candidate(path, path, place, place.value, state, version)
    return replace(candidate, **more)  # type: ignore[arg-type]  # test literals


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.0.0", (1, 0, 0)),
        ("v0.44.0", (0, 44, 0)),
        (" 1.2.0rc1", (1, 2, 0)),
        ("10", (10,)),
        ("", None),
        ("x1", None),
    ],
)
def test_versions(text: str, expected: tuple[int, ...] | None) -> None:
    version = parse_version(text)
    assert (version.numbers if version else None) == expected


def test_versions_compare_as_numbers() -> None:
    texts = ["0.9.0", "0.36.1", "0.44.0", "0.44.2", "1.0.0", "10.0"]
    versions = [parse_version(text) for text in texts]
    assert versions == sorted(v for v in versions if v is not None)
    assert str(MINIMUM_VERSION) == "0.44.0"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("ocarina v1.0.0\n", "1.0.0"),
        ("a warning\nocarina v0.36.1\n", "0.36.1"),
        ("ocarina v1.1.0.dev3+g12\n", "1.1.0"),
        ("ocarina 1.1.14\n", None),
        ("ocarina version 1\n", None),
        ("the ocarina v1.0.0\n", None),
        ("", None),
    ],
)
def test_what_v_prints(output: str, expected: str | None) -> None:
    assert client_version(output) == (parse_version(expected) if expected else None)


IMPORT_ERROR = (
    "Traceback (most recent call last):\n  File \"x\"\nModuleNotFoundError: No module named 'ffurf'\n"
)


@pytest.mark.parametrize(
    ("run", "module", "state"),
    [
        ((0, "ocarina v1.0.0\n", "", ""), True, State.MAJORA),
        ((0, "ocarina v1.0.0\n", "", ""), None, State.MAJORA),
        ((0, "", "ocarina v0.20.0\n", ""), True, State.MAJORA),
        ((0, "ocarina v1.0.0\n", "", ""), False, State.UNRELATED),
        ((0, "ocarina 1.1.14\n", "", ""), False, State.UNRELATED),
        ((2, "", "usage: ocarina [-h]\n", ""), False, State.UNRELATED),
        ((0, "Ocarina of Time 3\n", "", ""), None, State.OTHER),
        ((0, "", "", ""), None, State.OTHER),
        ((64, "", "unknown option -v\n", ""), None, State.OTHER),
        ((0, "other 1\n", "sh: x: not found\n", ""), None, State.OTHER),
        ((1, "", IMPORT_ERROR, ""), True, State.IMPORT_ERROR),
        (
            (1, "", "pkg_resources.DistributionNotFound: The 'ffurf' distribution\n", ""),
            None,
            State.IMPORT_ERROR,
        ),
        ((1, "", "importlib.metadata.PackageNotFoundError: ocarina\n", ""), None, State.IMPORT_ERROR),
        ((1, "", "Traceback (most recent call last):\nSyntaxError: x\n", ""), True, State.CRASHED),
        ((-11, "", "", ""), True, State.CRASHED),
        ((127, "", "env: python3.7: No such file or directory\n", ""), None, State.DEAD),
        ((126, "", "", ""), None, State.DEAD),
        ((1, "", "Fatal Python error: init_fs_encoding\n", ""), None, State.DEAD),
        ((1, "", "/x/python: error while loading shared libraries: libpython3\n", ""), None, State.DEAD),
        ((None, "", "", "timed out"), None, State.TIMED_OUT),
        ((None, "", "", "not executable"), None, State.NOT_EXECUTABLE),
        ((None, "", "", "bad interpreter"), None, State.DEAD),
        ((None, "", "", "Argument list too long"), None, State.CRASHED),
    ],
)
def test_what_a_run_shows(run: tuple[int | None, str, str, str], module: bool | None, state: State) -> None:
    verdict = judge_run(*run, has_client_module=module)
    assert verdict.state is state
    assert (verdict.version is not None) == (state is State.MAJORA)


def test_a_verdict_quotes_the_cause_and_nothing_that_drives_a_terminal() -> None:
    assert "No module named 'ffurf'" in judge_run(1, "", IMPORT_ERROR, "", has_client_module=True).detail
    shown = judge_run(0, "\x1b[31mhello\n", "", "", has_client_module=None)
    assert shown == Verdict(State.OTHER, detail="it says: ?[31mhello")


@pytest.mark.parametrize("index", range(1, len(PLACES)))
def test_the_places_come_in_the_contract_s_order(index: int) -> None:
    earlier, later = PLACES[index - 1], PLACES[index]
    if earlier is Place.OPTION:
        return
    resolution = resolve(Search((made("/b", later), made("/a", earlier))))
    assert resolution.chosen is not None
    assert resolution.chosen.path == "/a"


def test_the_contract_s_order_itself() -> None:
    assert [p.value for p in PLACES][:7] == [
        "--ocarina",
        "the active environment",
        "PATH",
        "conda environments",
        "pipx",
        "uv tool",
        "~/.local/bin",
    ]


@pytest.mark.parametrize("state", [state for state in State if state is not State.MAJORA])
def test_a_later_client_that_works_beats_an_earlier_one_that_does_not(state: State) -> None:
    resolution = resolve(
        Search(
            (made("/path/ocarina", state=state), made("/c/ocarina", Place.CONDA)), shell_path="/path/ocarina"
        )
    )
    assert resolution.chosen is not None
    assert resolution.chosen.path == "/c/ocarina"
    assert [c.path for c in resolution.passed_over] == ["/path/ocarina"]
    assert f"/path/ocarina: {state.value}" in resolution.why
    assert resolution.judged is resolution.shell is resolution.passed_over[0]


def test_one_that_also_runs_under_cron_is_preferred_and_said() -> None:
    wrapper = made(
        "/path/ocarina", stands_on=False, detail="runs in this shell's environment, but not in cron's"
    )
    resolution = resolve(Search((wrapper, made("/c/ocarina", Place.CONDA))))
    assert resolution.chosen is not None
    assert resolution.chosen.path == "/c/ocarina"
    assert "also runs under cron, which /path/ocarina may not" in resolution.why
    alone = resolve(Search((wrapper,)))
    assert alone.chosen is wrapper
    assert "not in cron's" in alone.why


def test_of_several_conda_environments_the_newest_client_is_taken() -> None:
    old, new = made("/old/ocarina", Place.CONDA, version=OLD), made("/new/ocarina", Place.CONDA)
    dead = made("/dead/ocarina", Place.CONDA, State.DEAD)
    assert [c.path for c in resolve(Search((dead, old, new))).candidates] == [
        "/new/ocarina",
        "/old/ocarina",
        "/dead/ocarina",
    ]
    # An older one that the shell would run is still the one that is meant.
    assert resolve(Search((made("/p", version=OLD), new))).chosen == made("/p", version=OLD)


@pytest.mark.parametrize("state", [state for state in State if state is not State.MAJORA])
def test_what_a_person_named_is_never_replaced(state: State) -> None:
    resolution = resolve(Search((made("/named", Place.OPTION, state), made("/path/ocarina"))), "/named")
    assert resolution.chosen is None
    assert "/named" in resolution.why


def test_what_a_person_named_wins() -> None:
    named = made("/named", Place.OPTION)
    resolution = resolve(Search((made("/active", Place.ACTIVE), named)), "/named")
    assert resolution.chosen is named
    assert resolution.passed_over == ()


def test_what_the_shell_and_cron_run() -> None:
    path, usr = made("/p/ocarina", also=("/link/ocarina",)), made("/usr/bin/ocarina", Place.CRON_PATH)
    resolution = resolve(Search((path, usr), shell_path="/link/ocarina", cron_path="/usr/bin/ocarina"))
    assert (resolution.shell, resolution.cron) == (path, usr)
    assert resolution.different == (path, usr)


def test_nothing_found() -> None:
    resolution = resolve(Search(looked=("PATH",)))
    assert (resolution.chosen, resolution.judged, resolution.shell) == (None, None, None)
    assert resolution.why == "No ocarina was found."
