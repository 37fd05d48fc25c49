"""system/secret.py: whatever is shown, no secret is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.system.secret import (
    CRONTAB_VARIABLES,
    MASK,
    Secret,
    hidden,
    mask,
    mask_opaque,
    mask_variables,
)

LONG = "Se" + "b2" * 63

# Each holds hunter2pw, and what is shown in the end.
MASKED = {
    "http://hoot:hunter2pw@proxy:3128": "http://****@proxy:3128",
    "hoot:hunter2pw@proxy:3128": "****@proxy:3128",
    "https_proxy='http://hoot:p@hunter2pw@proxy:3128' x": "https_proxy='http://"
    "****@proxy:3128' x",
    "http://hoot:p/hunter2pw@proxy:3128/": "http://****@proxy:3128/",
    "http://hoot:12/hunter2pw@proxy:3128": "http://****@proxy:3128",
    "http://hoot:p?#hunter2pw@proxy": "http://****@proxy",
    'http://hoot:p"hunter2pw@proxy:1': "http://****@proxy:1",
    "hoot:p/a@hunter2pw@proxy:3128": "****@proxy:3128",
    "hoot@lab:hunter2pw@proxy:3128": "hoot@****@proxy:3128",
    "LAB\\hoot:hunter2pw@proxy:3128": "****@proxy:3128",
    "http://hoot:hunter2pw@[::1]:3128": "http://****@[::1]:3128",
    "https://{hoot:hunter2pw}@majora.test/": "https://****@majora.test/",
    "git+https://hunter2pw@github.com/x/ocarina@v1": "git+https://****@github.com/x/"
    "ocarina@v1",
    "PROXY_PASSWORD=hunter2pw run": "PROXY_PASSWORD=**** run",
    "PROXY_PASSWORD='hunter2pw and more' run": "PROXY_PASSWORD='****' run",
    "X_TOKEN=hunter2pw;y": "X_TOKEN=****;y",
    "X_PASS=hunter2pw y": "X_PASS=**** y",
    '"CLIENT_SECRET": "hunter2pw",': '"CLIENT_SECRET": "****",',
    "{'client_secret': 'hunter2pw'}": "{'client_secret': '****'}",
    '{\\"refresh_token\\": \\"hunter2pw\\"}': '{\\"refresh_token\\": \\"****\\"}',
    "“CLIENT_SECRET”: “hunter2pw”": "“CLIENT_SECRET”: “****”",
    '"CLIENT_SECRET": "ab\nhunter2pw", 1': '"CLIENT_SECRET": "****\n", 1',
    '"CLIENT_SECRET": "hunter2pw, 1\n2': '"CLIENT_SECRET": "****\n2',
    "api key = hunter2pw": "api key = ****",
    "curl --client-secret hunter2pw x": "curl --client-secret **** x",
    "curl -u me:hunter2pw x": "curl -u me:**** x",
    "https://m.test/o/callback/?code=hunter2pw&state=s": "https://m.test/o/callback/?"
    "code=****&state=s",
    "grant_type=x&refresh_token=hunter2pw": "grant_type=x&refresh_token=****",
    "Authorization: Bearer hunter2pw": "Authorization: Bearer ****",
    "sent Basic hunter2pw": "sent Basic ****",
}
KEPT = (
    "https://majora.test:8443/o/callback?x=a@b.c",
    "git+https://github.com/SamStudio8/ocarina@v1.0.0",
    '"MAJORA_TOKEN": "OAUTH",',
    '"MAJORA_DOMAIN":"https://majora.test/","MAJORA_USER":"a@b"',
    "MAJORA_TOKENS_FILE=/home/u/.ocarina-tokens",
    "MAILTO=hoot@lab.test",
    "37 2-23/3 * * * /home/u/ocarina-kit refresh --cron || /home/u/ocarina -q oauth"
    " refresh # ocarina-kit",
    '"token_type": "Bearer", "expires_in": 36000',
    "12:30:45 the token expired",
    "client_secret: null",
    '"CLIENT_SECRET": ""',
    "write --client-secret-file FILE",
)


@pytest.mark.parametrize(("text", "shown"), MASKED.items())
def test_what_is_where_secrets_are_is_masked(text: str, shown: str) -> None:
    assert mask(text) == shown
    assert mask(shown) == shown


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        f"x{LONG}y",
        LONG.lower(),
        LONG[:60],
        LONG[-40:],
        f"{LONG[:64]}\n{LONG[64:]}",
        LONG[:9] + LONG,
    ],
)
def test_a_known_secret_is_masked_also_in_pieces(text: str) -> None:
    shown = mask(f"said {text}.", [Secret(LONG)])
    assert not any(
        LONG[at : at + 10].lower() in shown.lower() for at in range(len(LONG) - 9)
    )
    assert shown.startswith("said ")
    assert shown.endswith(".")
    assert shown.count("\n") == text.count("\n")


def test_lengths_are_shown_and_a_secret_does_not_print_itself() -> None:
    secret = Secret(LONG)
    assert mask("abc hoot", ["hoot", "abc"]) == "abc ****"
    assert (
        mask('"password": "hootx"', ["other"], lengths=True)
        == '"password": "**** (5 characters)"'
    )
    assert hidden(secret) == "**** (128 characters)"
    scope = "majora2.can_add_via_api_2026_0123456"
    assert mask_opaque(f"at {'a1' * 20} {scope}") == f"at {MASK} {scope}"
    assert LONG not in mask_opaque(f'"MAJORA_DOMAIN": "{LONG}"') + mask_opaque(
        f"at {LONG}"
    )
    assert LONG not in f"{secret} {secret!r} {[secret]}"
    assert secret == Secret(secret.reveal()) != Secret("")


@given(
    st.text(st.sampled_from("ab:@/\\\"' =,{}[]\n&?password“")),
    st.text(min_size=4, max_size=20),
)
def test_nothing_raises_and_line_breaks_stay(text: str, secret: str) -> None:
    assert mask(text, [secret.replace("\n", "x")], lengths=True).count(
        "\n"
    ) == text.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        "a:" * 50_000,
        "a" * 100_000,
        '"' * 100_000,
        "http://" * 10_000,
        "--password " * 9000,
    ],
)
def test_long_texts_are_masked_in_reasonable_time(text: str) -> None:
    mask(text, [LONG])


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("DB_PW=abc", "DB_PW=****"),
        ("'DB_PW' = 'a b'", "'DB_PW' = ****"),
        ("# PW=ab c", "# PW=****"),
        ("MAILTO=", "MAILTO="),
        ("PATH=/a:/b", "PATH=/a:/b"),
        (
            r"""0 0 * * * P='a b' Q="c \" d" R=e\ f x""",
            "0 0 * * * P=**** Q=**** R=**** x",
        ),
        (
            "0 0 * * * export A=b; HOME=/x B=`c d` y",
            "0 0 * * * export A=****; HOME=/x B=**** y",
        ),
        ("0 0 * * * sh -c 'Z=$(cat f) y'", "0 0 * * * sh -c 'Z=**** y'"),
        ("0 0 * * * x --for=a 2>&1", "0 0 * * * x --for=a 2>&1"),
    ],
)
def test_variables_of_a_crontab(line: str, shown: str) -> None:
    assert mask_variables(line) == shown


def test_variables_that_the_kit_writes_are_shown() -> None:
    from ocarina_kit.config.names import CA_BUNDLES
    from ocarina_kit.schedule.entry import NO_PROXY, PROXY

    assert {*CA_BUNDLES, *PROXY, *NO_PROXY} < CRONTAB_VARIABLES
