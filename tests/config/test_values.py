"""Values of settings: each fault over literals, and no random value is ever taken for a placeholder."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.config.names import SETTINGS, meant
from ocarina_kit.config.url import INSTANCES
from ocarina_kit.config.values import FILLER, is_api_key, is_hash, is_placeholder, judge

LETTERS = string.ascii_letters + string.digits
WIDE = (
    " " + string.punctuation + LETTERS
)  # what oauthlib draws ids from where a server does not narrow it
KEY = "3f2b8c1e-7a4d-4c1b-9e2f-0a1b2c3d4e5f"


def drawn(length: int, seed: int, alphabet: str = LETTERS) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))  # noqa: S311  # must be repeatable, not secret


ODD = "CFG009 has white space, quotes or invisible characters in it, fixable"
ID = drawn(40, 1)
SECRET = drawn(128, 2)


@given(
    st.one_of(
        st.text(),
        st.text("ab \"'“\n\x1f\u200b<>$x."),
        st.none(),
        st.integers(),
        st.lists(st.text()),
    )
)
def test_any_value_is_judged(value: object) -> None:
    for name in (*SETTINGS, "MINE"):
        judged = judge(name, value)
        if judged.usable and name in SETTINGS and "_TOKENS" not in name:
            assert judge(name, judged.text).text == judged.text
            assert not any(fault.fixable for fault in judge(name, judged.text).faults)


PLACEHOLDERS = {
    "MAJORA_USER": [
        "your-username", "YOUR USERNAME", "yourusername", "“your-username”", "username", "user-name", "MAJORA_USER",
        "<you>", "{{ user }}", "${MAJORA_USER}", "$USER", "%USER%", "[your user name]", "...", "…", "xxx", "-", "?",
        "***", "climb-yourname", "change-me", "TODO", "none", "null", "my_user", "climb-covid19-<name>",
    ],
    "CLIENT_ID": [
        "YourClientId", "clientid", "id", "x" * 39, "xxxx-xxxx", FILLER, "paste the client id here", "insert-id",
        "paste-the-client-id-from-the-application-page-here", "replace_me", "placeholder", "example-client-id",
        "1234567890", "abc123", "0000000000", "TBD", "my-client-id", "client_secret", "application-id",
    ],
    "CLIENT_SECRET": [
        "client_secret", "password", "x" * 100, "changeme", "the-client-secret-goes-here", "redacted", "dummy",
        "my_client_secret", "CLIENT_ID", "**** (128 characters)",
    ],
    "MAJORA_TOKEN": ["<token>", "MAJORA_TOKEN", "your-api-key", "my-api-key", "token"],
    "MAJORA_DOMAIN": [
        "https://example.org/", "http://example.com/", "https://www.example.net/o/", "https://example.org.:443/",
        "EXAMPLE.ORG", "https://…", "https://.../", "https:...", "...", "<domain>", "https://$DOMAIN/",
        "https://domain/", "https://MAJORA_DOMAIN/", "https://majora.your-site.ac.uk/", "https://your.majora.org/",
        "<Majora URL>",
        "https://xxx/",
    ],
}  # fmt: skip
REAL = {
    "MAJORA_USER": ["climb-covid19-smithj", "xavier", "j.bar", "x", "user1", "id", "alice@site.org", "foo-bar-1"],
    "CLIENT_ID": [ID, "x" * 40, "ci-client-7f3a", "local", "app7"],
    "CLIENT_SECRET": [SECRET, "correct-horse-battery-staple"],
    "MAJORA_TOKEN": [KEY],
    "MAJORA_DOMAIN": [
        *INSTANCES.values(), "http://localhost:8000/", "https://majora/", "https://majora.example.org/",
        "https://getyours.org/", "https://", "https://[::1]/",
    ],
}  # fmt: skip


def test_placeholders_and_real_values() -> None:
    for name, text in [
        (name, text) for name, texts in PLACEHOLDERS.items() for text in texts
    ]:
        assert [fault.check for fault in judge(name, text).faults] == ["CFG005"], text
    for name, texts in REAL.items():
        assert [text for text in texts if is_placeholder(name, text)] == []


@given(
    st.integers(),
    st.sampled_from([20, 40, 64, 128]),
    st.sampled_from([LETTERS, WIDE, string.ascii_lowercase]),
)
def test_no_random_value_is_a_placeholder_or_a_hash(
    seed: int, length: int, alphabet: str
) -> None:
    value = drawn(length, seed, alphabet)
    assert not any(
        is_placeholder(name, value)
        for name in ("CLIENT_ID", "CLIENT_SECRET", "MAJORA_TOKEN")
    )
    assert not is_hash(value)


HASHES = (
    "PBKDF2_SHA256$1$a$b", "pbkdf2_", "$2b$12$abcdefghijklm", "bcrypt_sha256$$2b$12$abc", "argon2$argon2id$v=19$m=1",
    "$argon2id$v=19$m=1", "scrypt$1$a$8$1$b", "sha256$salt$hash", "md5$salt$hash",
    "$pbkdf2-sha256$29000$a$b", "pbkdf2:sha256:260000$a$b", "sha256:a",
)  # fmt: skip
SPELLINGS = (
    "O-AUTH",
    " o_auth",
    "OAuth2",
    "oauth 2.0",
    "“0AUTH”\n",
    "OAUTH\u200b",
    "OAUTH.",
    "OUATH",
    "OATH",
    "AUTH",
)


@pytest.mark.parametrize(
    ("name", "value", "faults"),
    [
        ("CLIENT_ID", ID, []),
        ("CLIENT_ID", None, ["CFG004 is null"]),
        ("CLIENT_ID", 7, ["CFG004 is not a string"]),
        ("CLIENT_ID", " \n\u200b", ["CFG004 is blank"]),
        ("CLIENT_ID", '""', ["CFG004 is blank"]),
        ("CLIENT_ID", ID + "\n", [ODD]),
        ("CLIENT_ID", f" '{ID}'", [ODD]),
        (
            "CLIENT_SECRET",
            f"{SECRET}\n{SECRET}",
            [ODD, "CFG009 was pasted twice, fixable"],
        ),
        ("CLIENT_ID", ID[:-1], ["CFG009 has 39 characters (40 are usual), warning"]),
        (
            "CLIENT_ID",
            ID[:-1] + "é",
            ["CFG009 has characters that Majora never generates"],
        ),
        *(
            ("CLIENT_SECRET", text, ["CFG009 is a hash of a secret, not the secret"])
            for text in HASHES
        ),
        ("MAJORA_USER", "climb-covid19-smithj", []),
        ("MAJORA_USER", " “smithj” ", [" has spaces or quotes around it, fixable"]),
        (
            "MAJORA_USER",
            "john smith",
            [" has characters that a user name cannot have, or more than 150"],
        ),
        (
            "MAJORA_USER",
            "j" * 151,
            [" has characters that a user name cannot have, or more than 150"],
        ),
        ("MAJORA_TOKEN", "OAUTH", []),
        *(
            ("MAJORA_TOKEN", text, ["CFG008 is another spelling of OAUTH, fixable"])
            for text in SPELLINGS
        ),
        ("MAJORA_TOKEN", KEY, ["CFG008 is a legacy API key, warning"]),
        ("MAJORA_TOKENS_FILE", "", ["CFG010 is blank"]),
        *(
            (
                "MAJORA_TOKENS_FILE",
                f"a{x}b",
                ["CFG010 has a character that no file name can have"],
            )
            for x in "\0\ud800"
        ),
    ],
)
def test_faults(name: str, value: object, faults: list[str]) -> None:
    judged = judge(name, value)
    ends = [
        ", fixable" if each.fixable else ", warning" if each.warning else ""
        for each in judged.faults
    ]
    assert [
        f"{f.check} {f.words}{end}" for f, end in zip(judged.faults, ends, strict=True)
    ] == faults


def test_keys() -> None:
    assert [
        text for text in ("oauthentic", "  ", "<your token>") if is_api_key(text)
    ] == ["oauthentic"]


@pytest.mark.parametrize(
    ("value", "good", "text"),
    [
        *((value, True, "1") for value in (1, "1", " 1\n", True, 1.9)),
        *((value, False, "1") for value in ("1.0", "true", " Yes ", "'on'", "Y")),
        *((value, False, "0") for value in ("'0'", "False", "", None)),
        *(
            (value, False, "")
            for value in (
                "quiet",
                "1.5",
                [],
                {},
                float("inf"),
                float("nan"),
                "9" * 5000,
            )
        ),
    ],
)
def test_integers(value: object, good: bool, text: str) -> None:
    judged = judge("OCARINA_QUIET", value)
    assert (not judged.faults, judged.text, judged.usable) == (good, text, bool(text))


NEAR = {
    "MAJORA_DOMAIN": [
        "majora_domain", " MAJORA-DOMAIN:", "MAJORA_DOMAIN\u200b", "MAJORA_DOMIAN", "MAJOR_DOMAIN", "MAJORA_SERVER",
        "MAJORA_DOMAIN_URL",
    ],
    "CLIENT_ID": ["CLIENTID", "CLIENT_DI", "MAJORA_CLIENT_ID", "MAJORA_OAUTH_CLIENT_ID"],
    "CLIENT_SECRET": ["client_secret ", "CLIENT_SERCET", "OAUTH_CLIENT_SECRET"],
    "MAJORA_USER": ["majora_username", "MAJORA_USR", "MAJORA_USRE"],
    "MAJORA_TOKEN": ["MAJORA_TOKE"],
    "MAJORA_TOKENS_FILE": ["MAJORA_TOKEN_FILE"],
    "OCARINA_QUIET": ["ocarina_quite"],
    "OCARINA_NO_BANNER": ["OCARINA_NOBANNER"],
    "": [
        "MAJRA_DOMIAN", "domain", "user", "default", "email", "MAJORA_INSTITUTE", "MAJORA_DOMAIN_OLD", "MAJORA_TOKENS",
        "", "majora", "é" * 99,
    ],
}  # fmt: skip


def test_near_misses() -> None:
    for setting, names in NEAR.items():
        assert {name: meant(name) for name in names} == dict.fromkeys(names, setting)
