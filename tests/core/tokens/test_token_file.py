"""core/tokens/token_file.py: the tokens file, lossless; entries judged; answers stored as the client stores them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.token_file import (
    Cause,
    TimeFault,
    TokenEntry,
    TokenFile,
    better,
    due,
    granted_scope,
    same_tokens,
    stored_key,
)

NOW = 1_795_500_000.0
DAY = 86_400.0
VIEW = "majora2.view_biosampleartifact"
READ = "majora2.temp_can_read_pags_via_api"
TWO = "majora2.change_libraryartifact majora2.add_dnasequencingprocess"


def entry(scope_string: str = VIEW, **changes: Any) -> dict[str, Any]:
    """An entry as the client writes it; a change to None takes the member out."""
    last = scope_string[-4:]
    members = {
        "access_token": f"access-{last}",
        "expires_in": 36000,
        "token_type": "Bearer",
        "scope": scope_string.split(" "),
        "refresh_token": f"refresh-{last}",
        "expires_at": NOW + 1000.5,
        **changes,
    }
    return {name: value for name, value in members.items() if value is not None}


def file_of(**entries: Any) -> TokenFile:
    return TokenFile.parse(json.dumps(entries).encode())


def one(**changes: Any) -> TokenEntry:
    (only,) = TokenFile.parse(json.dumps({VIEW: entry(**changes)}).encode()).entries
    return only


def loaded(file: TokenFile) -> Any:
    return json.loads(file.render())


ANSWER = {
    "access_token": "new-access",
    "expires_in": 36000,
    "token_type": "Bearer",
    "scope": VIEW,
    "refresh_token": "new-refresh",
}


class TestReading:
    def test_an_entry_of_the_client(self) -> None:
        seen = one()
        assert seen.key == seen.scope == VIEW
        assert seen.access_token == Secret("access-fact")
        assert seen.refresh_token == Secret("refresh-fact")
        assert seen.expires_in == 36000
        assert seen.odd == ""
        assert seen.time_fault(NOW) is None
        assert seen.life_left(NOW) == 1000.5
        assert seen.last_refresh(NOW) == NOW + 1000.5 - 36000
        assert seen.can_refresh
        assert not seen.misplaced()

    def test_no_secret_in_any_repr(self) -> None:
        file = TokenFile.parse(json.dumps({VIEW: entry()}).encode())
        assert "access-" not in repr(file) + repr(file.entries) + str(file.entries)
        assert "refresh-" not in repr(file) + repr(file.entries)

    @pytest.mark.parametrize("content", [None, b"{}", b" {\n} "])
    def test_no_tokens_is_no_damage(self, content: bytes | None) -> None:
        file = TokenFile.parse(content)
        assert file.entries == ()
        assert file.damage is None
        assert file.render() == (content or b"{}")

    def test_a_scope_as_text_is_as_good_as_a_list(self) -> None:
        seen = one(scope=VIEW)
        assert (seen.scope, seen.odd, seen.misplaced()) == (VIEW, "", False)

    def test_no_scope_is_no_fault_as_the_client_looks_at_the_key(self) -> None:
        seen = one(scope=None)
        assert (seen.scope, seen.odd, seen.misplaced()) == (None, "", False)

    def test_of_a_key_given_twice_the_last_counts(self) -> None:
        text = f'{{"{VIEW}": {json.dumps(entry(access_token="one"))}, "{VIEW}": {json.dumps(entry())}}}'
        (only,) = TokenFile.parse(text.encode()).entries
        assert only.access_token == Secret("access-fact")

    @pytest.mark.parametrize(
        "value", [1, "x", None, [], True, {}, {"refresh_token": ""}, {"access_token": 5}]
    )
    def test_what_is_no_entry(self, value: object) -> None:
        file = TokenFile.parse(json.dumps({"x": value, VIEW: entry()}).encode())
        odd, good = file.entries
        assert odd.odd
        assert not good.odd
        assert loaded(file.only_readable()) == {VIEW: entry()}

    def test_one_that_a_refresh_would_heal_is_kept(self) -> None:
        file = TokenFile.parse(json.dumps({VIEW: entry(access_token=None)}).encode())
        assert file.entries[0].odd
        assert file.only_readable().render() == file.render()

    def test_a_missing_refresh_token_is_no_oddity(self) -> None:
        assert one(refresh_token=None).odd == ""
        assert not one(refresh_token=None).can_refresh
        assert not one(refresh_token="").can_refresh


TIMES = [
    (NOW, None, NOW),
    (int(NOW) + 36000, None, NOW + 36000),
    (0, None, 0),
    (-5.5, None, -5.5),
    (NOW + 36000 + 7 * DAY, None, NOW + 36000 + 7 * DAY),
    (NOW + 36001 + 7 * DAY, TimeFault.TOO_FAR, 1),
    (f"{NOW + 5}", TimeFault.TEXT, NOW + 5),
    (f" {int(NOW)} ", TimeFault.TEXT, NOW),
    (f"{int(NOW + 5)}000", TimeFault.TEXT, NOW + 5),
    ("99999999999999999999", TimeFault.TEXT, 1),
    ((NOW + 5) * 1000, TimeFault.MILLISECONDS, NOW + 5),
    (int(NOW - 900 * DAY) * 1000, TimeFault.MILLISECONDS, NOW - 900 * DAY),
    ((NOW + 30 * DAY) * 1000, TimeFault.TOO_FAR, 1),
    (NOW * 1_000_000, TimeFault.TOO_FAR, 1),
    (1e300, TimeFault.TOO_FAR, 1),
    (10**400, TimeFault.UNUSABLE, 1),
    (-1e15, TimeFault.UNUSABLE, 1),
    (float("nan"), TimeFault.UNUSABLE, 1),
    (float("inf"), TimeFault.UNUSABLE, 1),
    ("soon", TimeFault.UNUSABLE, 1),
    ("1e9", TimeFault.UNUSABLE, 1),
    ("", TimeFault.UNUSABLE, 1),
    (True, TimeFault.UNUSABLE, 1),
    ([], TimeFault.UNUSABLE, 1),
    (None, TimeFault.UNUSABLE, 1),
]


class TestTimes:
    @pytest.mark.parametrize(("value", "fault", "mended"), TIMES)
    def test_expires_at(self, value: object, fault: TimeFault | None, mended: float) -> None:
        """CHECKS.md, TOK008."""
        seen = one(expires_at=value)
        assert seen.time_fault(NOW) is fault
        assert seen.mended_expires_at(NOW) == mended
        if fault is not None:
            assert seen.life_left(NOW) < 0, "ocarina cannot use it, so it counts as expired"
            assert seen.last_refresh(NOW) is None

    @given(
        value=st.floats() | st.integers() | st.text(alphabet="0123456789. -e", max_size=25),
        lifetime=st.floats() | st.integers() | st.text(max_size=3) | st.none(),
        now=st.floats(1e9, 4e9),
    )
    def test_what_is_mended_is_a_time_that_the_client_can_use(
        self, value: object, lifetime: object, now: float
    ) -> None:
        file = TokenFile.parse(json.dumps({VIEW: entry(expires_at=value, expires_in=lifetime)}).encode())
        mended = file.with_mended_times(now)
        assert mended.entries[0].time_fault(now) is None
        datetime.fromtimestamp(loaded(mended)[VIEW]["expires_at"])
        if file.entries[0].time_fault(now) is None:
            assert mended.render() == file.render()
        assert mended.with_mended_times(now).render() == mended.render()

    def test_a_long_lived_token_is_not_too_far(self) -> None:
        assert one(expires_in=90 * DAY, expires_at=NOW + 90 * DAY).time_fault(NOW) is None

    @pytest.mark.parametrize(
        ("given_", "lifetime"), [(None, 36000), ("3600", 3600), ([], 36000), (1e300, 36000)]
    )
    def test_the_lifetime_where_it_is_odd(self, given_: object, lifetime: float) -> None:
        assert one(expires_in=given_).lifetime == lifetime

    def test_expiry_is_judged_by_both_clocks(self) -> None:
        seen = one(expires_at=NOW + 1000)
        assert seen.life_left(NOW, skew=900) == 100
        assert seen.life_left(NOW, skew=-900) == 1000

    def test_only_the_time_is_written(self) -> None:
        text = f'{{"{VIEW}": {{"access_token":"a","x" : 1.50,"expires_at":"1795500005","scope":["{VIEW}"]}}}}'
        mended = TokenFile.parse(text.encode()).with_mended_times(NOW)
        assert mended.render().decode() == text.replace('"1795500005"', "1795500005")

    def test_due(self) -> None:
        file = file_of(
            long=entry("long", expires_at=NOW + 9000),
            short=entry("short", expires_at=NOW + 10),
            dead=entry("dead", expires_at=NOW - 99999),
            odd=entry("odd", expires_at="soon"),
            lost=entry("lost", expires_at=NOW - 5, refresh_token=None),
        )

        def keys(**how: float) -> list[str]:
            return [each.key for each in due(file.entries, now=NOW, **how)]

        assert keys() == ["long", "short", "dead", "odd"]
        assert keys(within=60) == ["short", "dead", "odd"]
        assert keys(within=60, skew=8950) == ["long", "short", "dead", "odd"]


class TestStoring:
    def test_a_first_token_is_written_as_the_client_writes_it(self) -> None:
        file = TokenFile.parse(None).with_token(VIEW, ANSWER, now=NOW)
        assert (
            file.render()
            == json.dumps(
                {
                    VIEW: {
                        "access_token": "new-access",
                        "expires_in": 36000,
                        "token_type": "Bearer",
                        "scope": [VIEW],
                        "refresh_token": "new-refresh",
                        "expires_at": NOW + 36000,
                    }
                }
            ).encode()
        )

    def test_a_refresh_changes_its_own_entry_alone(self) -> None:
        other = '{"access_token" : "o", "expires_at": 1795537847.10, "n": 1E2}'
        text = f'{{ "{READ}":{other} , "{VIEW}": {json.dumps(entry(note="mine"))} }}\n'
        file = TokenFile.parse(text.encode()).with_token(VIEW, ANSWER, now=NOW)
        written = file.render().decode()
        assert written.startswith(f'{{ "{READ}":{other} , "{VIEW}": ')
        assert written.endswith(" }\n")
        fresh = loaded(file)[VIEW]
        assert fresh["note"] == "mine", "a member that the kit does not know"
        assert (fresh["access_token"], fresh["refresh_token"]) == ("new-access", "new-refresh")
        assert fresh["expires_at"] == NOW + 36000

    def test_what_an_answer_may_leave_out_is_kept(self) -> None:
        """RFC 6749, 5.1 and 6."""
        file = TokenFile.parse(json.dumps({TWO: entry(TWO, expires_in=7200)}).encode())
        fresh = loaded(file.with_token(TWO, {"access_token": "n"}, now=NOW))[TWO]
        assert fresh == entry(TWO, access_token="n", expires_in=7200, expires_at=NOW + 7200)

    def test_the_old_entry_may_be_handed_in(self) -> None:
        old = one()
        fresh = loaded(TokenFile.parse(b"{}").with_token(VIEW, {"access_token": "n"}, now=NOW, old=old))[VIEW]
        assert fresh["refresh_token"] == "refresh-fact"

    @pytest.mark.parametrize("empty", [None, "", 5])
    def test_an_empty_refresh_token_is_none(self, empty: object) -> None:
        file = file_of(**{VIEW: entry()}).with_token(VIEW, {**ANSWER, "refresh_token": empty}, now=NOW)
        assert loaded(file)[VIEW]["refresh_token"] == "refresh-fact"

    def test_a_grant_without_a_refresh_token_invents_none(self) -> None:
        answer = {name: value for name, value in ANSWER.items() if name != "refresh_token"}
        assert "refresh_token" not in loaded(TokenFile.parse(None).with_token(VIEW, answer, now=NOW))[VIEW]

    def test_unknown_members_of_the_answer_are_kept_as_the_client_keeps_them(self) -> None:
        file = TokenFile.parse(None).with_token(VIEW, {**ANSWER, "id_token": "i", "expires_at": 5}, now=NOW)
        assert loaded(file)[VIEW]["id_token"] == "i"
        assert loaded(file)[VIEW]["expires_at"] == NOW + 36000

    @pytest.mark.parametrize(
        ("lifetime", "stored"), [("3600", 3600), (3600.0, 3600), (None, 36000), (-1, 36000), ("x", 36000)]
    )
    def test_a_lifetime_of_any_kind(self, lifetime: object, stored: int) -> None:
        fresh = loaded(TokenFile.parse(None).with_token(VIEW, {**ANSWER, "expires_in": lifetime}, now=NOW))
        assert (fresh[VIEW]["expires_in"], fresh[VIEW]["expires_at"]) == (stored, NOW + stored)

    def test_the_order_of_scopes_is_that_which_ocarina_looks_up(self) -> None:
        turned = " ".join(reversed(TWO.split()))
        file = TokenFile.parse(None).with_token(TWO, {**ANSWER, "scope": turned}, now=NOW)
        assert list(loaded(file)) == [TWO]
        assert " ".join(loaded(file)[TWO]["scope"]) == TWO

    def test_other_scopes_than_asked_for_stand_under_their_own_key(self) -> None:
        file = file_of(**{TWO: entry(TWO), READ: entry(READ)})
        answer = {**ANSWER, "scope": TWO.split(maxsplit=1)[0]}
        fresh = loaded(file.with_token(TWO, answer, now=NOW))
        assert list(fresh) == [READ, TWO.split(maxsplit=1)[0]]
        assert stored_key(TWO, answer) == TWO.split(maxsplit=1)[0]

    @pytest.mark.parametrize("answer", [{}, {"access_token": None}, {"access_token": ""}])
    def test_an_answer_without_a_token_is_refused(self, answer: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="access token"):
            TokenFile.parse(None).with_token(VIEW, answer, now=NOW)

    @pytest.mark.parametrize(
        ("scope", "said"),
        [("a b", "a b"), (["a", "b"], "a b"), ("", None), (None, None), (7, None), ([7], None)],
    )
    def test_granted_scope(self, scope: object, said: str | None) -> None:
        assert granted_scope({"scope": scope}) == said

    def test_forgetting(self) -> None:
        file = file_of(**{VIEW: entry(), READ: entry(READ)})
        assert loaded(file.without(VIEW)) == {READ: entry(READ)}
        assert file.without("unknown").render() == file.render()
        assert file.without(VIEW).without(READ).render() == b"{}"

    def test_the_clients_own_library_takes_what_is_written(self) -> None:
        from requests_oauthlib import OAuth2Session

        stored = loaded(TokenFile.parse(None).with_token(VIEW, ANSWER, now=NOW))[VIEW]
        session = OAuth2Session(client_id="c", token=stored, scope=VIEW)
        assert session.token["access_token"] == "new-access"
        assert session.authorized


class TestKeys:
    def test_moved_to_where_ocarina_looks(self) -> None:
        file = file_of(lookup=entry(), **{READ: entry(READ)})
        assert [each.misplaced() for each in file.entries] == [True, False]
        assert loaded(file.with_mended_keys(NOW)) == {READ: entry(READ), VIEW: entry()}

    @pytest.mark.parametrize(
        ("there", "stays"),
        [
            ({"expires_at": NOW + 5000}, True),
            ({"expires_at": NOW + 5}, False),
            ({"expires_at": NOW + 9000, "refresh_token": None}, False),
            ({"expires_at": "soon"}, False),
            ({"expires_at": NOW + 1000.5}, True),
        ],
    )
    def test_never_over_a_better_one(self, there: dict[str, Any], stays: bool) -> None:
        file = file_of(wrong=entry(access_token="moved"), **{VIEW: entry(access_token="there", **there)})
        mended = loaded(file.with_mended_keys(NOW))
        assert list(mended) == [VIEW]
        assert mended[VIEW]["access_token"] == ("there" if stays else "moved")

    def test_two_in_each_others_place(self) -> None:
        file = file_of(**{VIEW: entry(READ), READ: entry(VIEW)})
        assert loaded(file.with_mended_keys(NOW)) == {VIEW: entry(VIEW), READ: entry(READ)}

    def test_a_key_that_ocarina_looks_up_is_left(self) -> None:
        turned = " ".join(reversed(TWO.split()))
        file = file_of(**{TWO: entry(turned)})
        assert file.entries[0].misplaced()
        assert not file.entries[0].misplaced(known=[TWO])
        assert file.with_mended_keys(NOW, known=[TWO]).render() == file.render()
        lost = file_of(x=entry(turned))
        assert list(loaded(lost.with_mended_keys(NOW, known=[TWO]))) == [TWO]

    @given(
        st.dictionaries(
            st.sampled_from([VIEW, READ, TWO, "x"]),
            st.builds(entry, st.sampled_from([VIEW, READ, TWO]), expires_at=st.floats(NOW - 1e5, NOW + 1e5)),
        )
    )
    def test_after_it_each_scope_has_its_best_token_where_it_is_looked_for(self, entries: Any) -> None:
        before = TokenFile.parse(json.dumps(entries).encode())
        after = before.with_mended_keys(NOW)
        assert not any(each.misplaced() for each in after.entries)
        for scope in {each.scope for each in before.entries}:
            kept = after.get(str(scope))
            assert kept is not None
            assert kept.expires_at == max(
                e["expires_at"] for e in entries.values() if e["scope"] == kept.key.split()
            )
        assert after.with_mended_keys(NOW).render() == after.render()


class TestComparing:
    def test_better(self) -> None:
        long, short = one(expires_at=NOW + 50), one(expires_at=NOW + 5)
        dead_end = one(expires_at=NOW + 500, refresh_token=None)
        assert better(short, long, now=NOW) is long
        assert better(short, dead_end, now=NOW) is short
        assert better(dead_end, one(expires_at=NOW - 5), now=NOW).can_refresh

    def test_same_tokens(self) -> None:
        assert same_tokens(one(), one(expires_at=5))
        assert not same_tokens(one(), one(refresh_token="other"))
        assert not same_tokens(one(), None)
        assert same_tokens(None, None)


WHOLE = json.dumps({VIEW: entry(), READ: entry(READ), TWO: entry(TWO)})


class TestDamage:
    @pytest.mark.parametrize(
        ("content", "cause", "line", "column"),
        [
            (b"", Cause.EMPTY, 1, 1),
            (b" \n ", Cause.EMPTY, 2, 2),
            (b"[]", Cause.NOT_AN_OBJECT, 1, 1),
            (b"null", Cause.NOT_AN_OBJECT, 1, 1),
            (b'{"a": {}}\n{"b": {}}', Cause.MORE_BEHIND, 2, 1),
            (b'{"a": {},\n "b', Cause.CUT_OFF, 2, 2),
            (b'{"a": {},\n "b": ', Cause.CUT_OFF, 2, 6),
            (b"{'a': {}}", Cause.NOT_JSON, 1, 2),
            (b'{\n"a": {},\n}', Cause.NOT_JSON, 3, 1),
            (b"\xef\xbb\xbf{}", Cause.BYTE_ORDER_MARK, 1, 1),
            (b'{"\xff": 1}', Cause.NOT_UTF8, 1, 1),
            (b"\x00" * 50, Cause.NOT_JSON, 1, 1),
        ],
    )
    def test_named_with_its_place(self, content: bytes, cause: Cause, line: int, column: int) -> None:
        damage = TokenFile.parse(content).damage
        assert damage is not None
        assert damage.cause is cause
        assert (damage.line, damage.column) == (line, column) or cause in (
            Cause.NOT_UTF8,
            Cause.CUT_OFF,
            Cause.NOT_JSON,
        )
        assert damage.line == line

    def test_of_a_file_that_is_cut_off_all_before_the_cut_is_kept(self) -> None:
        """At every place: each whole entry, and a cut one as soon as its refresh token is whole."""
        for cut in range(1, len(WHOLE)):
            file = TokenFile.parse(WHOLE[:cut].encode())
            assert file.damage is not None
            for scope in (VIEW, READ, TWO):
                refresh_token = f'"refresh-{scope[-4:]}"'
                should = refresh_token in WHOLE[:cut]
                found = file.get(scope)
                assert (found is not None and found.can_refresh) == should, WHOLE[:cut]
            assert TokenFile.parse(file.render()).damage is None

    def test_a_cut_entry_counts_as_expired_and_so_is_refreshed(self) -> None:
        cut = WHOLE.index('"expires_at"', WHOLE.index(READ))
        file = TokenFile.parse(WHOLE[:cut].encode())
        assert [each.key for each in due(file.entries, now=NOW, within=0)] == [READ]

    def test_two_texts_mixed(self) -> None:
        short = json.dumps({VIEW: entry(access_token="newer", expires_at=NOW + 9000)})
        mixed = short + WHOLE[len(short) :]
        file = TokenFile.parse(mixed.encode())
        assert file.damage is not None
        assert file.damage.cause is Cause.MORE_BEHIND
        assert file.entries[0].access_token == Secret("newer")
        assert file.get(TWO) is not None

    def test_the_newer_of_two_is_kept(self) -> None:
        old, new = (
            json.dumps({VIEW: entry(access_token=name, expires_at=NOW + n)})
            for name, n in (("o", 1), ("n", 2))
        )
        for text in (old + new, new + old):
            (only,) = TokenFile.parse(text.encode()).entries
            assert only.access_token == Secret("n")

    @pytest.mark.parametrize(
        "text",
        [
            WHOLE.replace("}, ", "},, "),
            WHOLE[:-1] + ",}",
            "// tokens\n" + WHOLE,
            "[" + WHOLE + "]",
            '{"tokens": ' + WHOLE + "}x",
        ],
    )
    def test_other_mishaps_lose_nothing(self, text: str) -> None:
        file = TokenFile.parse(text.encode())
        assert file.damage is not None
        assert loaded(file) == json.loads(WHOLE)

    @pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
    def test_a_byte_order_mark(self, coding: str) -> None:
        file = TokenFile.parse(WHOLE.encode(coding))
        assert file.damage is not None
        assert file.damage.cause is Cause.BYTE_ORDER_MARK
        assert file.render() == WHOLE.encode()

    def test_bytes_that_are_no_text_spoil_only_their_entry(self) -> None:
        file = TokenFile.parse(WHOLE.encode().replace(b"access-_api", b"access-\xff\xfe"))
        assert [each.key for each in file.entries] == [VIEW, TWO]

    @pytest.mark.parametrize(
        "text",
        [
            '{"a":' * 400_000,
            '"' + '\\"' * 800_000,
            '{"access_token": "' * 100_000,
            '"a":{"refresh_token":"r",' * 60_000,
            "[" * 1_000_000,
        ],
        ids=["deep", "quotes", "strings", "entries", "arrays"],
    )
    @pytest.mark.timeout(20)
    def test_a_text_made_to_be_slow_is_not(self, text: str) -> None:
        assert TokenFile.parse(text.encode()).damage is not None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_raising(data: bytes) -> None:
    check_all(data)


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    '{"',
                    '": {',
                    '"}',
                    "}, ",
                    '"access_token": "a"',
                    '"refresh_token":"r"',
                    '"scope": ["a"]',
                    '"a": ',
                ),
                *(
                    '"expires_at": 1e9',
                    '"expires_at": "5"',
                    "{",
                    "}",
                    ",",
                    "\ufeff",
                    "NaN",
                    "\x00",
                    '"\\ud800": {',
                ),
            ]
        )
    ).map("".join)
)
def test_pieces_of_token_files_are_read_without_raising(text: str) -> None:
    check_all(text.encode())


def check_all(data: bytes) -> None:
    file = TokenFile.parse(data)
    try:
        wanted: Any = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        wanted = None
    if isinstance(wanted, dict):
        assert file.damage is None
        assert file.render() == data
        assert [each.key for each in file.entries] == list(wanted)
    else:
        assert file.damage is not None
    changed = file.with_token("a", {"access_token": "t"}, now=NOW).without("b").only_readable()
    for each in (file, changed, file.with_mended_times(NOW), file.with_mended_keys(NOW)):
        assert isinstance(json.loads(each.render()), dict)
    assert json.loads(changed.render())["a"]["access_token"] == "t"
    due(file.entries, now=NOW, within=5)
    repr(file.entries)


@given(
    data=st.data(),
    scopes=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5, unique=True),
    indent=st.none() | st.integers(0, 3),
    plain=st.booleans(),
)
def test_untouched_scopes_keep_every_byte(
    data: st.DataObject, scopes: list[str], indent: int | None, plain: bool
) -> None:
    file = {scope: entry(scope, extra=[1.50, {"é": None}]) for scope in scopes}
    text = json.dumps(file, indent=indent, ensure_ascii=plain).replace("1.5", "1.50")
    touched = data.draw(st.sampled_from(scopes))
    before = TokenFile.parse(text.encode())
    after = before.with_token(touched, {"access_token": "t", "refresh_token": "u"}, now=NOW)
    written = after.render().decode()
    assert json.loads(written) == {**file, stored_key(touched, {}): json.loads(written)[touched]}
    for scope in scopes:
        if scope != touched:
            raw = json.dumps(file[scope], indent=indent, ensure_ascii=plain).replace("1.5", "1.50")
            indented = raw.replace("\n", "\n" + " " * (indent or 0)) if indent is not None else raw
            assert indented in written
    removed = before.without(touched).render().decode()
    assert json.loads(removed) == {scope: value for scope, value in file.items() if scope != touched}


def test_growth_is_linear() -> None:
    """1,000 scopes: reading, changing one and writing take no longer a scope than with 100."""
    import time

    def cost(count: int) -> float:
        data = json.dumps({f"s{n}": entry(f"s{n}") for n in range(count)}).encode()
        best = 1e9
        for _ in range(3):
            started = time.perf_counter()
            file = TokenFile.parse(data)
            due(file.entries, now=NOW)
            file.with_token("s5", ANSWER | {"scope": "s5"}, now=NOW).render()
            best = min(best, time.perf_counter() - started)
        return best

    assert cost(2000) < 10 * 3 * cost(200)
