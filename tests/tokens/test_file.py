"""The tokens file: entries judged, answers stored as the client stores them, what is damaged read as far as it goes."""

import json
from pathlib import PosixPath
from typing import Any

import pytest
from tests.tokens.conftest import NOW, READ, VIEW, entry, granted

from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens.file import Token, TokensFile, foreign_kind, parse

DAY = 86_400.0
TWO = "majora2.change_libraryartifact majora2.add_dnasequencingprocess"
TURNED = " ".join(reversed(TWO.split()))


def file_of(**entries: Any) -> TokensFile:
    return parse(json.dumps(entries).encode())


def one(**changes: Any) -> Token:
    (only,) = file_of(**{VIEW: entry(**changes)}).tokens
    return only


def loaded(file: TokensFile) -> Any:
    return json.loads(file.render())


@pytest.mark.parametrize(
    "value",
    [
        1,
        "x",
        None,
        [],
        True,
        {},
        {"refresh_token": ""},
        {"access_token": 5},
        {"refresh_token": "\ud800"},
    ],
)
def test_what_is_not_an_entry(value: object) -> None:
    file = file_of(x=value, **{VIEW: entry()})
    odd, good = file.tokens
    assert odd.malformed
    assert not good.malformed
    assert loaded(file.corrected(NOW)) == {VIEW: entry()}
    # One that a refresh would complete is kept.
    lost = file_of(**{VIEW: entry(access_token=None)})
    assert lost.tokens[0].malformed
    assert lost.corrected(NOW) == lost


TIMES = [
    # expires_at, whether ocarina can use it, the time that is meant
    (NOW, True, NOW),
    (int(NOW) + 36000, True, NOW + 36000),
    (0, True, 0),
    (-5.5, False, 1),
    (NOW + 36000 + 7 * DAY, True, NOW + 36000 + 7 * DAY),
    (NOW + 36001 + 7 * DAY, False, 1),
    (f"{NOW + 5}", False, NOW + 5),
    (f" {int(NOW)} ", False, NOW),
    ("1.5e+9", False, 1.5e9),
    (f"{int(NOW + 5)}000", False, NOW + 5),
    ("99999999999999999999", False, 1),
    ((NOW + 5) * 1000, False, NOW + 5),
    (int(NOW - 900 * DAY) * 1000, False, NOW - 900 * DAY),
    ((NOW + 30 * DAY) * 1000, False, 1),
    (10**400, False, 1),
    (float("nan"), False, 1),
    *((value, False, 1) for value in ("soon", "1e99", "", True, [], None)),
]


@pytest.mark.parametrize(("value", "good", "meant"), TIMES)
def test_expires_at(value: object, good: bool, meant: float) -> None:
    """CHECKS.md, TOK008."""
    seen = one(expires_at=value)
    assert seen.intended_expiry(NOW) == meant
    assert seen.known_expiry(NOW) == (meant if good else None)
    assert good or (seen.seconds_left(NOW) < 0 and seen.last_refresh(NOW) is None)


def test_the_lifetime() -> None:
    for value, lifetime in (
        (None, 36000),
        ("3600", 3600),
        ([], 36000),
        (1e300, 36000),
        (-1, 36000),
        (0, 0),
    ):
        assert one(expires_in=value).lifetime == lifetime


FIRST = TWO.split(maxsplit=1)[0]
MINE = entry(TWO, note="mine")
STORED = [
    # the entry before, what the server grants, the key, what the new entry has
    (MINE, granted(1), TWO, {"refresh_token": "new-refresh-1", "note": "mine"}),
    (
        MINE,
        granted(extra={"id_token": "i", "note": "its"}),
        TWO,
        {"id_token": "i", "note": "its"},
    ),
    (entry(TWO), granted(extra={"scope": "x"}), TWO, {"scope": TWO.split()}),
    # what an answer leaves out is kept (RFC 6749, 5.1 and 6)
    (
        entry(TWO),
        granted(refresh_token=None),
        TWO,
        {"refresh_token": entry(TWO)["refresh_token"]},
    ),
    (
        None,
        granted(refresh_token=None),
        TWO,
        {"access_token": "new-access-1", "scope": TWO.split()},
    ),
    (entry(TWO, scope=[FIRST]), granted(1), FIRST, {"scope": [FIRST]}),
    # the order of scopes is that which ocarina looks up; other scopes have their own key
    (None, granted(1, TURNED), TWO, {"scope": TWO.split()}),
    (
        entry(TWO),
        granted(1, FIRST),
        FIRST,
        {"scope": [FIRST], "access_token": "new-access-1"},
    ),
]


@pytest.mark.parametrize(("before", "answer", "key", "wanted"), STORED)
def test_an_answer_is_stored_as_the_client_would(
    before: Any, answer: Any, key: str, wanted: Any
) -> None:
    where, new = file_of(**{TWO: before} if before else {}).granted(TWO, answer, NOW)
    assert where == key
    assert wanted.items() <= new.items()
    assert (new["expires_in"], new["expires_at"]) == (36000, NOW + 36000)
    assert ("refresh_token" in new) == (
        before is not None or answer.refresh_token is not None
    )


# --- keys


PLACES = [
    ({"expires_at": NOW + 5000}, True),
    ({"expires_at": NOW + 5}, False),
    ({"expires_at": NOW + 9000, "refresh_token": None}, False),
    ({"expires_at": "soon"}, False),
    ({"expires_at": NOW + 1000.5}, True),
]


@pytest.mark.parametrize(("there", "stays"), PLACES)
def test_never_over_a_better_one(there: dict[str, Any], stays: bool) -> None:
    file = file_of(
        wrong=entry(access_token="moved"),
        **{VIEW: entry(access_token="there", **there)},
    )
    fixed = loaded(file.corrected(NOW))
    assert list(fixed) == [VIEW]
    assert fixed[VIEW]["access_token"] == ("there" if stays else "moved")


MOVES = [
    # the entries, the scope strings that ocarina looks up, the entries once they are fixed
    ({"lookup": entry(), READ: entry(READ)}, [], {READ: entry(READ), VIEW: entry()}),
    (
        {VIEW: entry(READ), READ: entry(VIEW)},
        [],
        {VIEW: entry(VIEW), READ: entry(READ)},
    ),
    ({TWO: entry(TURNED)}, [], {TURNED: entry(TURNED)}),
    ({TWO: entry(TURNED)}, [TWO], {TWO: entry(TURNED)}),
    ({"x": entry(TURNED)}, [TWO], {TWO: entry(TURNED)}),
    (
        {"x": {"refresh_token": "r", "expires_at": 5}},
        [TWO],
        {"x": {"refresh_token": "r", "expires_at": 5}},
    ),
    ({VIEW: {**entry(), "scope": []}}, [], {VIEW: {**entry(), "scope": []}}),
]


@pytest.mark.parametrize(("before", "known", "after"), MOVES)
def test_each_is_moved_to_where_ocarina_looks(
    before: Any, known: list[str], after: Any
) -> None:
    file = file_of(**before)
    assert loaded(file.corrected(NOW, known)) == after
    assert any(token.right_key(known) != token.key for token in file.tokens) == (
        before != after
    )


# --- damage

COMPLETE = json.dumps({VIEW: entry(), READ: entry(READ), TWO: entry(TWO)})


DAMAGES = [
    (b"[]", (1, 1)),
    (b'{"a": {},\n "b": ', (2, 7)),
    (b'{"\xff": 1}', (1, 1)),
]


@pytest.mark.parametrize(("content", "location"), DAMAGES)
def test_the_place_of_the_damage(content: bytes, location: tuple[int, int]) -> None:
    assert parse(content).damage == location


def test_of_a_file_that_is_cut_off_everything_before_the_cut_is_kept() -> None:
    """At every place: each complete entry, and a cut one as soon as its refresh token is complete."""
    for cut in range(1, len(COMPLETE)):
        file = parse(COMPLETE[:cut].encode())
        assert file.damage is not None
        for scope in (VIEW, READ, TWO):
            found = file.get(scope)
            should = f'"refresh-{scope[-4:]}"' in COMPLETE[:cut]
            assert (found is not None and found.can_refresh) == should, COMPLETE[:cut]
        assert parse(file.render()).damage is None


def test_of_two_mixed_texts_the_newer_token_is_kept() -> None:
    texts = [
        json.dumps({VIEW: entry(access_token=name, expires_at=NOW + n)})
        for n, name in enumerate("on")
    ]
    for text in (texts[0] + texts[1], texts[1] + texts[0], texts[1] + COMPLETE[-300:]):
        file = parse(text.encode())
        assert file.damage is not None
        assert file.tokens[0].access_token == Secret("n")


OTHER_DAMAGE = [
    COMPLETE.encode("utf-8-sig"),
    COMPLETE.encode("utf-16"),
    COMPLETE.replace("}, ", "},, ").encode(),
    f"{COMPLETE[:-1]},}}".encode(),
    f"// tokens\n{COMPLETE}".encode(),
    f"[{COMPLETE}]x".encode(),
    f"[{COMPLETE}]".encode(),
    repr(json.loads(COMPLETE)).encode(),  # as Python prints it
    b"\0" * 50
    + COMPLETE.encode(),  # a writer that went on behind where another had cut the file off
]


@pytest.mark.parametrize("text", OTHER_DAMAGE)
def test_other_damage_loses_nothing(text: bytes) -> None:
    file = parse(text)
    assert file.damage is not None
    assert loaded(file) == json.loads(COMPLETE)


def test_bytes_that_are_no_text_spoil_only_their_entry() -> None:
    file = parse(COMPLETE.encode().replace(b"access-_api", b"access-\xff\xfe"))
    assert list(file.entries) == [VIEW, TWO]


@pytest.mark.parametrize(
    "part",
    ['{"a":', '"' + '\\"' * 20, '{"access_token": "', '"a":{"refresh_token":"r",', "["],
)
def test_a_text_made_to_be_slow_is_read(part: str) -> None:
    for length in (25_000, 200_000):
        assert parse((part * (length // len(part))).encode()).damage is not None


CONFIG = json.dumps(
    {"MAJORA_DOMAIN": "https://m.example/", "CLIENT_SECRET": "x"}
).encode()
KINDS = [
    (".ocarina-tokens", b"not json at all\n", False),
    (".bashrc", b"\0" * 500, False),
    (".bashrc", COMPLETE.encode()[:40], False),
    (".bashrc", COMPLETE.encode("utf-16"), False),
    (".bashrc", b'"refresh_token": "rr", "expires_at": 1}}', False),
    (".bashrc", b'{"odd": 1}', False),
    (".bashrc", b"export PATH=/opt/bin:$PATH\n", True),
    ("id_ed25519", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", True),
    (".ocarina", CONFIG, True),
    (".ocarina-tokens", CONFIG[:-1] + b",}", True),
]


@pytest.mark.parametrize(("name", "data", "is_foreign"), KINDS)
def test_a_file_of_another_kind(name: str, data: bytes, is_foreign: bool) -> None:
    assert (
        bool(foreign_kind(PosixPath("/home/a") / name, data, parse(data))) == is_foreign
    )


def test_a_scope_of_null_is_reported_and_corrected() -> None:
    file = parse(json.dumps({VIEW: {**entry(), "scope": None}}).encode())
    assert file.tokens[0].malformed
    assert loaded(file.corrected(NOW))[VIEW]["scope"] == VIEW.split()
