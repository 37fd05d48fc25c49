"""What init makes of each value, before any server is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.config.credentials import Member
from ocarina_kit.core.config.init_answers import JUDGES, judge_pair, once

ID = "abCD0123" * 5
SECRET = "xyZ98765" * 16
KEY = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
URL = "https://majora.example.ac.uk/"

MENDED = [
    # member, as given, as taken, what is said of it
    (Member.DOMAIN, URL, URL, ""),
    (Member.DOMAIN, "https://majora.example.ac.uk", URL, "added the last /"),
    (Member.DOMAIN, "https://majora.example.ac.uk///", URL, "folded several slashes"),
    (Member.DOMAIN, " \n“https://majora.example.ac.uk/”\r\n", URL, "took away the quotes"),
    (Member.DOMAIN, "<https://majora.example.ac.uk/>", URL, "took away the < >"),
    (Member.DOMAIN, "HTTPS://Majora.Example.ac.uk.:443/", URL, "took away the port"),
    (Member.DOMAIN, "https://majora.example.ac.uk/o/callback/?code=1#x", URL, "cut the path of one of"),
    (Member.USER, "alice", "alice", ""),
    (Member.USER, " 'alice' ", "alice", "took away what stood around it"),
    (Member.ID, ID, ID, ""),
    (Member.ID, f" {ID}\t", ID, "took away the white space around it"),
    (Member.ID, f"“{ID}”", ID, "took away the quotes around it"),
    (Member.SECRET, f"{SECRET[:64]}\n{SECRET[64:]}", SECRET, "took away the line breaks in it"),
    (Member.SECRET, f"{SECRET[:64]} {SECRET[64:]}", SECRET, "took away the white space in it"),
    (Member.SECRET, f"\u200b{SECRET}", SECRET, "took away invisible characters"),
    (Member.TOKEN, KEY, KEY, ""),
    (Member.TOKEN, f" {KEY}\n", KEY, "took away the white space around it"),
]


@pytest.mark.parametrize(("member", "text", "taken", "said"), MENDED)
def test_what_has_one_meaning_is_mended_and_said(member: Member, text: str, taken: str, said: str) -> None:
    judged = JUDGES[member](text)
    assert (judged.problem, judged.text) == (None, taken)
    assert said in " ".join(judged.mends)
    assert bool(judged.mends) is bool(said)


def test_what_was_pasted_twice_is_taken_once() -> None:
    for twice in (SECRET * 2, f"{SECRET}\n{SECRET}", f" {SECRET} {SECRET}\r\n"):
        judged = JUDGES[Member.SECRET](twice)
        assert judged.text == SECRET
        assert "took one copy of what was pasted twice" in judged.mends
    assert JUDGES[Member.TOKEN](KEY * 2).text == KEY
    assert once("unusual unusual") == "unusual"
    for single in ("abcabc", "a" * 40, "b" * 128, "c" * 64, SECRET):
        assert once(single) == single


REFUSED = [
    (Member.DOMAIN, "", "CFG004", "blank"),
    (Member.DOMAIN, "https://example.org/", "CFG005", "placeholder"),
    (Member.DOMAIN, "majora.example.ac.uk", "CFG006", "does not start with https://"),
    (Member.DOMAIN, "http://majora.example.ac.uk/", "CFG006", "unencrypted"),
    (Member.DOMAIN, "http://127.0.0.1.example.ac.uk/", "CFG006", "unencrypted"),
    (Member.DOMAIN, "ftp://majora.example.ac.uk/", "CFG006", "scheme is not https"),
    (Member.DOMAIN, "https://me:pw@majora.example.ac.uk/", "CFG006", "user name or password"),
    (Member.DOMAIN, "https:///majora.example.ac.uk", "CFG006", "no host"),
    (Member.DOMAIN, "https://majora.example.ac.uk:99999/", "CFG006", "port"),
    (Member.DOMAIN, "https://majora example.ac.uk/", "CFG006", "white space"),
    (Member.DOMAIN, "https://majora.example.ac.uk\\", "CFG006", "backslash"),
    (Member.USER, "  ", "CFG004", "blank"),
    (Member.USER, "your-username", "CFG005", "placeholder"),
    (Member.USER, "alice smith", "USE001", "no blank"),
    (Member.USER, "a" * 151, "USE001", "150"),
    (Member.ID, "", "CFG004", "blank"),
    (Member.ID, "your-client-id", "CFG005", "placeholder"),
    (Member.ID, "<id>", "CFG005", "placeholder"),
    (Member.ID, "not-used-with-an-api-key", "CFG005", "placeholder"),
    (Member.SECRET, " \n", "CFG004", "blank"),
    (Member.SECRET, "your-client-secret", "CFG005", "placeholder"),
    (Member.SECRET, "...", "CFG005", "placeholder"),
    (Member.SECRET, "pbkdf2_sha256$260000$abc$def=", "CFG009", "hash"),
    (Member.SECRET, f"é{SECRET[1:]}", "CFG009", "characters"),
    (Member.TOKEN, "", "CFG004", "blank"),
    (Member.TOKEN, "OAUTH", "CFG008", "no API key"),
    (Member.TOKEN, " oauth ", "CFG008", "no API key"),
    (Member.TOKEN, "your-token", "CFG005", "placeholder"),
]


@pytest.mark.parametrize(("member", "text", "id", "said"), REFUSED)
def test_the_rest_is_refused_with_the_reason(member: Member, text: str, id: str, said: str) -> None:
    problem = JUDGES[member](text).problem
    assert problem is not None
    assert problem.id == id
    assert said in problem.words


def test_a_refused_domain_comes_with_what_was_meant() -> None:
    problem = JUDGES[Member.DOMAIN]("majora.example.ac.uk").problem
    assert problem is not None
    assert problem.suggestion == URL


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ((ID, SECRET), (ID, SECRET)),
        ((SECRET, ID), (ID, SECRET)),
        (("a1" * 9, "b2" * 30), ("a1" * 9, "b2" * 30)),
    ],
)
def test_id_and_secret_come_to_their_places(given: tuple[str, str], taken: tuple[str, str]) -> None:
    pair = judge_pair(*given)
    assert (pair.client_id, pair.client_secret.reveal()) == taken
    assert pair.swapped is (given != taken)
    assert pair.problem is None


def test_one_value_given_for_both_is_noticed() -> None:
    problem = judge_pair(ID, ID).problem
    assert problem is not None
    assert "the same" in problem.words


def test_the_server_is_asked_about_a_swap_only_where_the_lengths_leave_it_open() -> None:
    assert not judge_pair(ID, SECRET).may_be_swapped
    assert judge_pair("a1" * 9, "b2" * 30).may_be_swapped


@pytest.mark.parametrize("member", list(JUDGES))
@given(text=st.text() | st.text(alphabet="aA1 -\"'<>/:.@$_\n“”\u200b"))
def test_any_text_is_judged_and_what_is_taken_is_taken_again(member: Member, text: str) -> None:
    judged = JUDGES[member](text)
    assert (judged.problem is None) is bool(judged.text)
    if judged.problem is None:
        again = JUDGES[member](judged.text)
        assert again.text == judged.text or once(judged.text) != judged.text
