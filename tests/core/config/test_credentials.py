"""User, id, secret and token: each fault over literals, and no random value is ever taken for a placeholder."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.config.credentials import (
    FILLER,
    Fault,
    Member,
    Swapped,
    TokenKind,
    UserFault,
    credential_faults,
    is_hash,
    is_placeholder,
    swapped,
    tidy_credential,
    tidy_user,
    token_kind,
    user_faults,
    user_instance_mismatch,
)
from ocarina_kit.core.config.domain import INSTANCES

ALNUM = string.ascii_letters + string.digits
# What oauthlib draws ids from where a server does not narrow it.
WIDE = " " + string.punctuation + ALNUM


def drawn(length: int, seed: int, alphabet: str = ALNUM) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))  # noqa: S311  # must be repeatable, not secret


ID = drawn(40, 1)
SECRET = drawn(128, 2)


@pytest.mark.parametrize(
    ("text", "meant", "change"),
    [
        (ID, ID, None),
        (f" {ID}\n", ID, "white space around"),
        (f"{ID[:20]} {ID[20:]}", ID, "white space in it"),
        (f"{ID[:20]}\r\n  {ID[20:]}\n", ID, "line breaks"),
        (f"{ID[:20]}\u2028{ID[20:]}", ID, "line breaks"),
        (f"\u00a0{ID}", ID, "white space around"),
        (f"\ufeff{ID}\u200b", ID, "invisible"),
        (f"{ID[:9]}\x00{ID[9:]}", ID, "invisible"),
        (f'"{ID}"', ID, "quotes"),
        (f"“'{ID}'”", ID, "quotes"),
        (f"‘{ID}", ID, "quotes"),
        (f' " {ID} " ', ID, "quotes"),
        ("", "", None),
        (' "" ', "", "quotes"),
    ],
)
def test_tidy(text: str, meant: str, change: str | None) -> None:
    tidied = tidy_credential(text)
    assert tidied.text == meant
    assert (change in " ".join(tidied.changes)) if change else tidied.changes == ()
    assert not meant or meant not in repr(tidied)


@given(st.one_of(st.text(), st.text("ab \"'“\n\x1f\u200b<>$x.")))
def test_tidy_takes_any_string_and_is_idempotent(text: str) -> None:
    once = tidy_credential(text).text
    assert tidy_credential(once).text == once
    assert tidy_credential(once).changes == ()
    once = tidy_user(text).text
    assert tidy_user(once).text == once
    for member in Member:
        is_placeholder(text, member)
        credential_faults(text, member)
    user_faults(text)
    token_kind(text)
    swapped(text, text[::-1])
    user_instance_mismatch(text, text)


PLACEHOLDERS = {
    Member.USER: [
        "your-username", "your_username", "YOUR USERNAME", "yourUsername", "username", "<username>",
        "<you>", "{user}", "${MAJORA_USER}", "$USER", "MAJORA_USER", "majora-user", "...", "…", "xxx",
        "XXXX", "changeme", "change-me", "“your-username”", "your-majora-username", "[your user name]",
        "user-name", "TODO", "none", "null", "%USER%", "{{ user }}", "-", "?", "***",
    ],
    Member.ID: [
        "your-client-id", "your_client_id", "YourClientId", "YOUR_CLIENT_ID_HERE", "<id>",
        "<client id>", "CLIENT_ID", "client-id", "clientid", "client_id", "id", "...", "xxx", "x" * 39,
        "xxxx-xxxx", "changeme", "{client_id}", FILLER, "paste the client id here",
        "paste-the-client-id-from-the-application-page-here", "insert-id", "replace_me", "placeholder",
        "1234567890", "abc123", "your id", "null", "0000000000", "TBD", "example-client-id",
    ],
    Member.SECRET: [
        "your-client-secret", "<secret>", "CLIENT_SECRET", "client_secret", "secret", "...", "xxxxxxxx",
        "x" * 100, "changeme", "${CLIENT_SECRET}", "{{ client_secret }}", "password", "your secret",
        "the-client-secret-goes-here", "********", "redacted", "<redacted>", "dummy", "12345",
        "client secret",
    ],
    Member.TOKEN: [
        "your-token", "your-api-key", "<token>", "<key>", "...", "xxx", "YOUR_TOKEN_HERE",
        "MAJORA_TOKEN", "api-key", "token", "{token}", "changeme", "paste your key here",
    ],
    Member.DOMAIN: [
        "https://example.org/", "https://example.org", "http://example.com/",
        "https://www.example.net/o/", "example.org", "EXAMPLE.ORG", "https://example.org.:443/",
        "https://.../", "https://…", "...", "<domain>", "https://<domain>/", "https://{domain}/",
        "https://$DOMAIN/", "https://your-domain/", "https://majora.your-site.ac.uk/", "MAJORA_DOMAIN",
        "https://MAJORA_DOMAIN/", "https://your.majora.org/", "domain", "https://domain/",
        "https://xxx/", "https:...", "https://your-majora-server.org/", "changeme", "https://host/",
    ],
}  # fmt: skip
REAL = {
    Member.USER: [
        "climb-covid19-smithj", "test-climb-smithj", "jsmith", "xavier", "alice", "j.bar", "nick-loman",
        "bob", "id", "max", "your-ucl-smithj", "x", "ab", "tester", "user1", "dot", "alice@site.org",
        "test-user", "key", "foo-bar-1",
    ],
    Member.ID: [ID, drawn(40, 9), "x" * 40, "ci-client-7f3a", "s3cr3t", "local", "app7", "kit-tests"],
    Member.SECRET: [SECRET, drawn(64, 3), "correct-horse-battery-staple", "s3cr3t", "pw"],
    Member.TOKEN: ["3f2b8c1e-7a4d-4c1b-9e2f-0a1b2c3d4e5f", drawn(36, 5)],
    Member.DOMAIN: [
        *INSTANCES.values(), "http://localhost:8000/", "http://127.0.0.1:1/", "https://majora/",
        "https://majora.test/", "https://no-such-host.invalid/", "https://majora.example.org/",
        "https://getyours.org/", "https://", "https://[::1]/", "",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("member", "text"), [(m, t) for m, texts in PLACEHOLDERS.items() for t in texts])
def test_placeholders(member: Member, text: str) -> None:
    assert is_placeholder(text, member)
    if member in {Member.ID, Member.SECRET}:
        assert credential_faults(text, member) == (Fault.PLACEHOLDER,)
    if member is Member.USER:
        assert user_faults(text) == (UserFault.PLACEHOLDER,)
    if member is Member.TOKEN:
        assert token_kind(text) is TokenKind.PLACEHOLDER


@pytest.mark.parametrize(("member", "text"), [(m, t) for m, texts in REAL.items() for t in texts])
def test_real_values_are_no_placeholders(member: Member, text: str) -> None:
    assert not is_placeholder(text, member)


@given(
    st.integers(),
    st.sampled_from([20, 30, 40, 48, 64, 100, 128]),
    st.sampled_from([ALNUM, WIDE, string.ascii_lowercase]),
)
def test_no_random_value_is_a_placeholder_or_a_hash(seed: int, length: int, alphabet: str) -> None:
    value = drawn(length, seed, alphabet)
    for member in (Member.ID, Member.SECRET, Member.TOKEN, Member.USER):
        assert not is_placeholder(value, member)
    assert not is_hash(value)
    if alphabet is ALNUM:
        usual = length == 40
        assert credential_faults(value, Member.ID) == (() if usual else (Fault.UNUSUAL_LENGTH,))


@pytest.mark.parametrize(
    "text",
    [
        "pbkdf2_sha256$600000$abc$def=",
        "PBKDF2_SHA256$1$a$b",
        "pbkdf2_sha1$1",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$2y$10$abc",
        "bcrypt_sha256$$2b$12$abc",
        "argon2$argon2id$v=19$m=1,t=2,p=8$a$b",
        "$argon2id$v=19$m=1",
        "scrypt$1$a$8$1$b",
        "sha256$salt$hash",
        "sha1$salt$hash",
        "md5$salt$hash",
        "$6$salt$hash",
        "{SSHA}abcdef",
        ' "pbkdf2_sha256$1$a$b" ',
    ],
)
def test_hashes(text: str) -> None:
    assert is_hash(text)
    assert Fault.HASH in credential_faults(text, Member.SECRET)


@pytest.mark.parametrize(
    ("text", "member", "faults"),
    [
        (ID, Member.ID, ()),
        (SECRET, Member.SECRET, ()),
        ("", Member.ID, (Fault.BLANK,)),
        (" \n ", Member.ID, (Fault.BLANK,)),
        ('""', Member.ID, (Fault.BLANK,)),
        (ID + "\n", Member.ID, (Fault.WHITE_SPACE,)),
        (ID[:7] + " " + ID[7:], Member.ID, (Fault.WHITE_SPACE,)),
        (ID + "\u200b", Member.ID, (Fault.WHITE_SPACE,)),
        (f"“{ID}”", Member.ID, (Fault.QUOTES,)),
        (f" '{ID}'", Member.ID, (Fault.WHITE_SPACE, Fault.QUOTES)),
        (ID[:-1], Member.ID, (Fault.UNUSUAL_LENGTH,)),
        (ID, Member.SECRET, (Fault.UNUSUAL_LENGTH,)),
        (ID[:-1] + "é", Member.ID, (Fault.NOT_ASCII,)),
        ("pbkdf2_sha256$1$a b", Member.SECRET, (Fault.HASH, Fault.WHITE_SPACE)),
    ],
)
def test_credential_faults(text: str, member: Member, faults: tuple[Fault, ...]) -> None:
    assert credential_faults(text, member) == faults
    if all(fault.mendable for fault in faults):
        assert credential_faults(tidy_credential(text).text, member) == ()


@pytest.mark.parametrize(
    ("client_id", "client_secret", "answer"),
    [
        (ID, SECRET, Swapped.NO),
        (SECRET, ID, Swapped.DEFINITELY),
        (f" {SECRET}\n", f'"{ID}"', Swapped.DEFINITELY),
        (SECRET, SECRET[:60], Swapped.POSSIBLY),
        (SECRET[:60], ID, Swapped.POSSIBLY),
        (SECRET[:64], ID[:32], Swapped.POSSIBLY),
        ("pbkdf2_sha256$1$a$b", ID[:30], Swapped.POSSIBLY),
        (ID, ID, Swapped.NO),
        (SECRET, SECRET, Swapped.NO),
        (ID[:20], SECRET[:30], Swapped.NO),
        ("", ID, Swapped.NO),
        (SECRET, "", Swapped.NO),
    ],
)
def test_swapped(client_id: str, client_secret: str, answer: Swapped) -> None:
    assert swapped(client_id, client_secret) is answer


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("OAUTH", TokenKind.OAUTH),
        *[
            (text, TokenKind.OTHER_SPELLING)
            for text in (
                *("oauth", "OAuth", " OAUTH", "OAUTH\n", '"OAUTH"', "'oauth'", "“OAUTH”", "O-AUTH", "o_auth"),
                *("OAuth2", "oauth 2.0", "0AUTH", "O AUTH", "OAUTH\u200b", "<OAUTH>", "OAUTH."),
            )
        ],
        ("", TokenKind.BLANK),
        ("  ", TokenKind.BLANK),
        ("3f2b8c1e-7a4d-4c1b-9e2f-0a1b2c3d4e5f", TokenKind.LEGACY_KEY),
        (" 3F2B8C1E-7A4D-4C1B-9E2F-0A1B2C3D4E5F\n", TokenKind.LEGACY_KEY),
        ("oauthentic", TokenKind.UNUSUAL_KEY),
        ("abcdef0123456789", TokenKind.UNUSUAL_KEY),
        ("<your token>", TokenKind.PLACEHOLDER),
    ],
)
def test_token_kind(text: str, kind: TokenKind) -> None:
    assert token_kind(text) is kind
    assert kind.is_oauth is (kind in (TokenKind.OAUTH, TokenKind.OTHER_SPELLING))


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("climb-covid19-smithj", ()),
        ("", (UserFault.BLANK,)),
        (" ", (UserFault.BLANK,)),
        ("smithj ", (UserFault.WHITE_SPACE,)),
        ("“smithj”", (UserFault.QUOTES,)),
        ("john smith", (UserFault.BAD_CHARACTERS,)),
        ("smith/j", (UserFault.BAD_CHARACTERS,)),
        ("j.smith@site.ac.uk", (UserFault.EMAIL,)),
        ("j" * 151, (UserFault.TOO_LONG,)),
    ],
)
def test_user_faults(text: str, faults: tuple[UserFault, ...]) -> None:
    assert user_faults(text) == faults


@pytest.mark.parametrize(
    ("user", "domain", "disagree"),
    [
        ("smithj", INSTANCES["prod"], False),
        ("test-smithj", INSTANCES["prod"], True),
        ("TEST-smithj", INSTANCES["prod"][:-1], True),
        ("test-smithj", INSTANCES["test"], False),
        ("smithj", INSTANCES["test"], True),
        ("tester", INSTANCES["prod"], False),
        ("tester", INSTANCES["test"], True),
        ("smithj", "http://localhost:8000/", False),
        ("test-smithj", "http://localhost:8000/", False),
        ("smithj", "", False),
    ],
)
def test_user_and_instance(user: str, domain: str, disagree: bool) -> None:
    assert (user_instance_mismatch(user, domain) is not None) is disagree
