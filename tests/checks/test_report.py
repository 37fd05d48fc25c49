"""The report for others' eyes: what is known to be safe, and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.checks.model import Finding, Outcome, Status, fail
from ocarina_kit.checks.registry import REGISTRY
from ocarina_kit.checks.report import HIDDEN, About, Redactor, host_mark, instance_words, report, tail_of_id

ABOUT = About(
    kit="0.1.0",
    python="3.11.7",
    system="Linux",
    client="ocarina 1.0.0",
    domain="https://majora.covid19.climb.ac.uk/",
    client_id="a" * 36 + "WXYZ",
    host="login-node-3.lab.test",
    names=("ada", "login-node-3.lab.test", "/home/ada", "ada-majora"),
)
CONFIG = "/home/ada/.ocarina"
HIDE = Redactor(REGISTRY, ABOUT.names, CONFIG)


def told(detail: str) -> str:
    return report(ABOUT, [Finding(REGISTRY[0], fail(detail))], CONFIG)


def test_the_head_says_what_a_helper_needs() -> None:
    text = told("x")
    for words in (
        "ocarina-kit 0.1.0",
        "client: ocarina 1.0.0",
        "instance: production",
        "ends in: WXYZ",
        "1 fail",
    ):
        assert words in text
    assert f"host: {host_mark(ABOUT.host)}" in text
    assert ABOUT.client_id not in text


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        (
            f"{CONFIG}:2:22: MAJORA_DOMAIN does not end in /.",
            "the configuration, line 2, column 22: MAJORA_DOMAIN does not end in /.",
        ),
        ("The token of ada is expired.", "The token of … is expired."),
        ("/home/ada/.ocarina-tokens has mode 0644", "… has mode 0644"),
        ("No such host majora.secret-lab.test.", "No such host …"),
        (
            "The server refuses ocarina 0.36.1: it wants 0.44.0",
            "The server refuses ocarina 0.36.1: it wants 0.44.0",
        ),
        ("s3cr3tT0kenThatNobodyMaySee | x", "…"),
        ("10.11.12.13 127.0.0.1:8080", "…"),
    ],
)
def test_only_known_words_are_shown(detail: str, shown: str) -> None:
    assert HIDE(detail) == shown


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=7, max_size=30))
def test_a_word_that_no_text_of_ours_holds_is_never_shown(word: str) -> None:
    letters = re.sub(r"[^A-Za-z0-9]", "", word)
    unknown = f"{letters}7q{letters}"  # a digit between letters: in no text of ours
    assert unknown not in HIDE(f"before {unknown} after")


def test_every_status_and_no_table_is_broken() -> None:
    findings = [Finding(REGISTRY[0], Outcome(status, "a | b\nc | d")) for status in Status]
    rows = [line for line in report(ABOUT, findings, CONFIG).splitlines() if line.startswith("| ENV")]
    assert len(rows) == len(Status)
    assert all(row.count("|") == 5 for row in rows)


def test_instances_and_ids() -> None:
    assert instance_words("https://majora-test.covid19.climb.ac.uk/") == "test (MAGENTA)"
    assert instance_words("http://127.0.0.1:80/") == "a server on this machine"
    assert instance_words("https://majora.lab.test/") == "another server"
    assert "none" in instance_words("")
    assert tail_of_id("s" * 128) == HIDDEN
    assert tail_of_id("short") == HIDDEN
