"""What the client makes of a config: layers, what is missing, what it fails on, near misses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.config.credentials import FILLER
from ocarina_kit.core.config.layers import (
    MEMBERS,
    Layer,
    MemberFault,
    ReadingFault,
    Setting,
    client_integer,
    effective,
    effective_environment,
    faulty_members,
    fillers_wanted,
    meant_integer,
    near_misses,
    profiles,
    reading_faults,
    required_members,
    where_to_set,
)

Json = dict[str, object]

FILE: Json = {
    "MAJORA_DOMAIN": "https://root.org/",
    "MAJORA_USER": "root",
    "CLIENT_ID": "root",
    "default": {"MAJORA_USER": "default", "CLIENT_SECRET": "default"},
    "profile": {
        "uk": {"MAJORA_USER": "uk", "CLIENT_ID": "uk", "MAJORA_TOKENS_FILE": "~/uk"},
        "nl": {},
        "x": 1,
    },
}


@pytest.mark.parametrize(
    ("profile", "values"),
    [
        # The object "default" beats the root, with and without a profile (ffurf).
        (None, {"MAJORA_USER": "default", "CLIENT_ID": "root", "CLIENT_SECRET": "default"}),
        (
            "uk",
            {
                "MAJORA_USER": "uk",
                "CLIENT_ID": "uk",
                "CLIENT_SECRET": "default",
                "MAJORA_TOKENS_FILE": "~/uk",
            },
        ),
        ("nl", {"MAJORA_USER": "default", "CLIENT_ID": "root", "CLIENT_SECRET": "default"}),
        ("none", {"MAJORA_USER": "default", "CLIENT_ID": "root", "CLIENT_SECRET": "default"}),
        ("x", {"MAJORA_USER": "default", "CLIENT_ID": "root", "CLIENT_SECRET": "default"}),
    ],
)
def test_layers(profile: str | None, values: dict[str, str]) -> None:
    settings = effective(FILE, profile)
    expected = {"MAJORA_DOMAIN": "https://root.org/", "MAJORA_TOKENS_FILE": "~/.ocarina-tokens"} | values
    assert {
        name: settings[name].value for name in settings if name.isupper() and "OCARINA" not in name
    } == expected
    assert "MAJORA_TOKEN" not in settings


def test_a_setting_knows_where_it_came_from() -> None:
    settings = effective(FILE, "uk")
    assert {n: (s.layer, s.path, s.source) for n, s in settings.items()} == {
        "MAJORA_DOMAIN": (Layer.ROOT, ("MAJORA_DOMAIN",), "top level"),
        "MAJORA_USER": (Layer.PROFILE, ("profile", "uk", "MAJORA_USER"), "profile uk"),
        "MAJORA_TOKENS_FILE": (Layer.PROFILE, ("profile", "uk", "MAJORA_TOKENS_FILE"), "profile uk"),
        "CLIENT_ID": (Layer.PROFILE, ("profile", "uk", "CLIENT_ID"), "profile uk"),
        "CLIENT_SECRET": (Layer.DEFAULT, ("default", "CLIENT_SECRET"), 'object "default"'),
        "OCARINA_NO_BANNER": (Layer.BUILT_IN, (), "built into the client"),
        "OCARINA_QUIET": (Layer.BUILT_IN, (), "built into the client"),
    }
    assert "hunter2" not in repr(Setting("CLIENT_SECRET", "hunter2", Layer.ROOT))


@pytest.mark.parametrize(
    ("environ", "values"),
    [
        ({}, {}),
        ({"MAJORA_USER": "u", "CLIENT_ID": ""}, {"MAJORA_USER": "u"}),
        ({"CLIENT_ID": "i", "CLIENT_SECRET": "s"}, {"CLIENT_ID": "i", "CLIENT_SECRET": "s"}),
        ({"MAJORA_CLIENT_ID": "i", "MAJORA_CLIENT_SECRET": "s"}, {"CLIENT_ID": "i", "CLIENT_SECRET": "s"}),
        ({"CLIENT_ID": "new", "MAJORA_CLIENT_ID": "i", "MAJORA_CLIENT_SECRET": "s"}, {"CLIENT_ID": "new"}),
        ({"MAJORA_CLIENT_SECRET": "s"}, {}),
        (
            {"MAJORA_CLIENT_ID": "i", "MAJORA_CLIENT_SECRET": "s", "CLIENT_SECRET": "new"},
            {"CLIENT_ID": "i", "CLIENT_SECRET": "s"},
        ),
        ({"MAJORA_CLIENT_ID": "i", "CLIENT_SECRET": "new"}, {"CLIENT_ID": "i", "CLIENT_SECRET": "new"}),
    ],
)
def test_the_environment(environ: dict[str, str], values: dict[str, str]) -> None:
    settings = effective_environment(environ)
    assert {n: s.value for n, s in settings.items() if s.layer is Layer.ENVIRONMENT} == values
    assert all(environ[s.path[0]] == s.value for s in settings.values() if s.layer is Layer.ENVIRONMENT)


@pytest.mark.parametrize(
    ("profile", "name", "path"),
    [
        (None, "CLIENT_ID", ("CLIENT_ID",)),
        (None, "MAJORA_TOKEN", ("MAJORA_TOKEN",)),
        (None, "MAJORA_USER", ("default", "MAJORA_USER")),
        ("uk", "MAJORA_TOKEN", ("profile", "uk", "MAJORA_TOKEN")),
        ("new", "MAJORA_USER", ("profile", "new", "MAJORA_USER")),
    ],
)
def test_where_to_set(profile: str | None, name: str, path: tuple[str, ...]) -> None:
    assert where_to_set(FILE, profile, name) == path


def test_profiles() -> None:
    assert profiles(FILE) == ("uk", "nl")
    assert profiles({}) == ()
    assert profiles({"profile": [1]}) == ()


GOOD: Json = {
    "MAJORA_DOMAIN": "https://h.org/",
    "MAJORA_USER": "u",
    "MAJORA_TOKEN": "OAUTH",
    "CLIENT_ID": "i",
    "CLIENT_SECRET": "s",
}


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({}, {}),
        ({"MAJORA_USER": ""}, {"MAJORA_USER": MemberFault.BLANK}),
        ({"MAJORA_USER": " \n\u200b"}, {"MAJORA_USER": MemberFault.BLANK}),
        ({"MAJORA_USER": None}, {"MAJORA_USER": MemberFault.NULL}),
        ({"MAJORA_USER": 7}, {"MAJORA_USER": MemberFault.NOT_TEXT}),
        ({"MAJORA_USER": ["u"]}, {"MAJORA_USER": MemberFault.NOT_TEXT}),
        ({"MAJORA_DOMAIN": ...}, {"MAJORA_DOMAIN": MemberFault.MISSING}),
        (
            {"CLIENT_ID": ..., "CLIENT_SECRET": ""},
            {"CLIENT_ID": MemberFault.MISSING, "CLIENT_SECRET": MemberFault.BLANK},
        ),
        ({"MAJORA_TOKEN": "oauth", "CLIENT_ID": ...}, {"CLIENT_ID": MemberFault.MISSING}),
        ({"MAJORA_TOKEN": "3f2b8c1e-7a4d-4c1b-9e2f-0a1b2c3d4e5f", "CLIENT_ID": "", "CLIENT_SECRET": ...}, {}),
        (
            {"MAJORA_TOKEN": ..., "CLIENT_ID": ...},
            {"MAJORA_TOKEN": MemberFault.MISSING, "CLIENT_ID": MemberFault.MISSING},
        ),
        ({"MAJORA_TOKEN": None}, {"MAJORA_TOKEN": MemberFault.NULL}),
    ],
)
def test_faulty_members(change: Json, faults: dict[str, MemberFault]) -> None:
    value = {k: v for k, v in (GOOD | change).items() if v is not ...}
    found = faulty_members(effective(value))
    assert {f.name: f.fault for f in found} == faults
    assert all(f.path == (() if f.fault is MemberFault.MISSING else (f.name,)) for f in found)


def test_fillers() -> None:
    legacy = GOOD | {"MAJORA_TOKEN": "3f2b8c1e-7a4d-4c1b-9e2f-0a1b2c3d4e5f", "CLIENT_ID": ""}
    assert fillers_wanted(effective(legacy)) == ("CLIENT_ID",)
    assert fillers_wanted(effective(legacy | {"CLIENT_ID": FILLER})) == ()
    assert fillers_wanted(effective({})) == ("CLIENT_ID", "CLIENT_SECRET")
    assert "CLIENT_ID" not in required_members("3f2b8c1e-7a4d-4c1b-9e2f-0a1b2c3d4e5f")
    assert "CLIENT_ID" in required_members("OAUTH")


@pytest.mark.parametrize(
    ("value", "profile", "faults"),
    [
        (GOOD, None, []),
        (FILE, "uk", []),
        (FILE, "none", [(ReadingFault.NO_PROFILE, ("profile", "none"))]),
        (FILE, "x", [(ReadingFault.NOT_OBJECT, ("profile", "x"))]),
        ({"profile": None}, "uk", [(ReadingFault.NOT_OBJECT, ("profile",))]),
        ({"profile": None}, None, []),
        ({}, "uk", [(ReadingFault.NO_PROFILE, ("profile", "uk"))]),
        ({"default": None}, None, [(ReadingFault.NOT_OBJECT, ("default",))]),
        # A null in a layer that is overridden kills the client all the same.
        (
            {"CLIENT_ID": None, "default": {"CLIENT_ID": "x"}},
            None,
            [(ReadingFault.NULL, ("CLIENT_ID",))],
        ),
        ({"OCARINA_QUIET": "yes"}, None, [(ReadingFault.NOT_INTEGER, ("OCARINA_QUIET",))]),
        ({"OCARINA_QUIET": "1", "OCARINA_NO_BANNER": True}, None, []),
        (
            {"profile": {"p": {"OCARINA_NO_BANNER": ""}}},
            "p",
            [(ReadingFault.NOT_INTEGER, ("profile", "p", "OCARINA_NO_BANNER"))],
        ),
        ({"profile": {"p": {"OCARINA_NO_BANNER": ""}}}, None, []),
        ({"mine": None}, None, []),
    ],
)
def test_reading_faults(
    value: Json, profile: str | None, faults: list[tuple[ReadingFault, tuple[str, ...]]]
) -> None:
    assert list(reading_faults(value, profile)) == faults


@pytest.mark.parametrize(
    ("value", "client", "meant"),
    [
        (1, 1, 1),
        ("1", 1, 1),
        (" 1\n", 1, 1),
        (True, 1, 1),
        (1.9, 1, 1),
        ("1.0", None, 1),
        ("true", None, 1),
        (" Yes ", None, 1),
        ("'0'", None, 0),
        ("False", None, 0),
        ("", None, 0),
        (None, None, 0),
        ("quiet", None, None),
        ("1.5", None, None),
        ([], None, None),
        ({}, None, None),
        (float("inf"), None, None),
        (float("nan"), None, None),
        ("9" * 5000, None, None),
    ],
)
def test_integers(value: object, client: int | None, meant: int | None) -> None:
    assert client_integer(value) == client
    assert meant_integer(value) == meant


NEAR = [
    # the name that was written, the member that was meant, whether nothing else can be
    ("majora_domain", "MAJORA_DOMAIN", True),
    ("Majora_Domain", "MAJORA_DOMAIN", True),
    ("MAJORA-DOMAIN", "MAJORA_DOMAIN", True),
    ("MAJORADOMAIN", "MAJORA_DOMAIN", True),
    ("majoraDomain", "MAJORA_DOMAIN", True),
    (" MAJORA_DOMAIN", "MAJORA_DOMAIN", True),
    ("MAJORA_DOMAIN:", "MAJORA_DOMAIN", True),
    ("MAJORA DOMAIN", "MAJORA_DOMAIN", True),
    ("MAJORA_DOMAIN\u200b", "MAJORA_DOMAIN", True),
    ("MAJORA_DOMIAN", "MAJORA_DOMAIN", True),
    ("MAJORA_DOMAINE", "MAJORA_DOMAIN", True),
    ("MAJOR_DOMAIN", "MAJORA_DOMAIN", True),
    ("MAJRA_DOMIAN", "MAJORA_DOMAIN", False),
    ("MAJORA_URL", "MAJORA_DOMAIN", True),
    ("domain", "MAJORA_DOMAIN", False),
    ("url", "MAJORA_DOMAIN", False),
    ("CLIENTID", "CLIENT_ID", True),
    ("client-id", "CLIENT_ID", True),
    ("CLIENT_DI", "CLIENT_ID", True),
    ("MAJORA_CLIENT_ID", "CLIENT_ID", True),
    ("client_secret ", "CLIENT_SECRET", True),
    ("CLIENT_SERCET", "CLIENT_SECRET", True),
    ("secret", "CLIENT_SECRET", False),
    ("majora_username", "MAJORA_USER", True),
    ("MAJORA_USR", "MAJORA_USER", True),
    ("user", "MAJORA_USER", False),
    ("MAJORA_TOKE", "MAJORA_TOKEN", True),
    ("majora_token", "MAJORA_TOKEN", True),
    ("MAJORA_TOKEN_FILE", "MAJORA_TOKENS_FILE", True),
    ("ocarina_quite", "OCARINA_QUIET", True),
    ("OCARINA_NOBANNER", "OCARINA_NO_BANNER", True),
]


@pytest.mark.parametrize(("written", "meant", "certain"), NEAR)
def test_near_misses(written: str, meant: str, certain: bool) -> None:
    (miss,) = near_misses({written: "x", "mine": 1}, ("default",))
    assert (miss.path, miss.written, miss.meant, miss.certain) == (
        ("default", written),
        written,
        meant,
        certain,
    )
    assert near_misses({written: "x", meant: "y"}) == ()
    (blank,) = near_misses({written: "x", meant: " "})
    assert not blank.certain


@pytest.mark.parametrize(
    "name",
    [
        *MEMBERS,
        "default",
        "profile",
        "mine",
        "comment",
        "_note",
        "email",
        "MAJORA_INSTITUTE",
        "",
        "majora",
        "é" * 99,
    ],
)
def test_other_names_are_no_near_misses(name: str) -> None:
    assert near_misses({name: "x"}) == ()


def test_two_near_misses_of_one_member_are_both_uncertain() -> None:
    assert [m.certain for m in near_misses({"client_id": "a", "ClientId": "b"})] == [False, False]


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from([*MEMBERS, "profile", "default", "p", "majora_user"]), inner, max_size=4
        ),
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from([*MEMBERS, "profile", "default", "client-id"]), json_values),
    st.sampled_from([None, "p"]),
)
def test_any_object_is_taken(value: Json, profile: str | None) -> None:
    settings = effective(value, profile)
    faulty_members(settings)
    fillers_wanted(settings)
    reading_faults(value, profile)
    near_misses(value)
    for setting in settings.values():
        assert setting.source
        found: object = value
        for name in setting.path:
            assert isinstance(found, dict)
            found = found[name]
        assert not setting.path or found is setting.value
