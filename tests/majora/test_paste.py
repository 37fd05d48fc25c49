"""Everything that people paste."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.majora.paste import Code, PasteProblem, read_paste
from ocarina_kit.system.secret import Secret

DOMAIN = "https://majora.test/"
STATE = "Zk3vQ8s-w_1YtR5nB7cX0pLmJ2hG4fD6aE9iO_uT-qW"
OTHER = "otherLogin0_a-Zk3vQ8s1YtR5nB7cX0pLmJ2hG4fD6a"
CODE = "xYz0123456789abcDEF4567890abCd"
CALLBACK = f"{DOMAIN}o/callback/?code={CODE}&state={STATE}"
LONG = CALLBACK.replace("?", f"?padding={'x' * 12_000}&")
QUOTES = " \r\n\"'<>()[]{}“”‘’«»„‚`,"


def lines(text: str, width: int, joint: str = "\n") -> str:
    return joint.join(
        text[start : start + width] for start in range(0, len(text), width)
    )


GOOD = {
    "as it is": CALLBACK,
    "quotes and brackets": f"{QUOTES}{CALLBACK}{QUOTES[::-1]}",
    "query in quotes and brackets": f"{QUOTES}code={CODE}&state={STATE}{QUOTES[::-1]}",
    "more than a terminal's line": lines(LONG, 4095),
    "long and broken": lines(LONG, 80),
    "markdown": f"[link]({CALLBACK})",
    "label without a blank": f"URL:{CALLBACK}",
    "sentence": f"Here it is: {CALLBACK}, thanks!",
    "broken with CRLF": lines(CALLBACK, 33, "\r\n"),
    "broken and indented": lines(CALLBACK, 33, "\n    "),
    "broken and quoted twice": ">> " + lines(CALLBACK, 33, "\n>> "),
    "broken with blanks": lines(CALLBACK, 33, " "),
    "broken, words behind": lines(CALLBACK, 60) + "\nthanks",
    "bracketed paste": f"\x1b[200~{CALLBACK}\x1b[201~",
    "bracketed paste, echoed": f"^[[200~{CALLBACK}^[[201~",
    "bracketed paste, no escape": f"[200~{CALLBACK}[201~",
    "colours": f"\x1b[32m{CALLBACK}\x1b[0m",
    "invisible characters": "\ufeff\u00a0"
    + CALLBACK.replace("code=", "\u200bcode=\u200b")
    + "\u00a0\0",
    "backslashes of a shell": CALLBACK.replace("?", "\\?")
    .replace("=", "\\=")
    .replace("&", "\\&"),
    "HTML ampersand": CALLBACK.replace("&", "&amp;"),
    "HTML numeric": CALLBACK.replace("&", "&#38;"),
    "query": f"?code={CODE}&state={STATE}",
    "bare query": f"code={CODE}&state={STATE}",
    "no scheme": f"majora.test/o/callback/?code={CODE}&state={STATE}",
    "encoded twice": quote(quote(CALLBACK, safe=""), safe=""),
    "query encoded": f"{DOMAIN}o/callback/?"
    f"{quote(f'code={CODE}&state={STATE}', safe='')}",
    "fragment": f"{CALLBACK}#_=_",
    "capitals and a port": CALLBACK.replace(
        "https://majora.test", "HTTPS://MAJORA.Test:443"
    ),
    "another scheme": CALLBACK.replace("https", "http"),
    "view-source": f"view-source:{CALLBACK}",
    "the same twice, glued": f"{CALLBACK}{CALLBACK}",
    "after the link": f"{DOMAIN}o/authorize/?response_type=code&state={STATE}\n"
    f"{CALLBACK}",
    "with an earlier code": f"{CALLBACK.replace(CODE, CODE[::-1])}\n{CALLBACK}",
    "with another login's": f"{CALLBACK.replace(STATE, OTHER)}\n{CALLBACK}",
    "with an earlier attempt": f"{DOMAIN}o/callback/?code=old&state=older-than-this\n"
    f"{CALLBACK}",
    "through the log-in page": f"{DOMAIN}account/login/?next=/o/callback/"
    f"%3Fcode%3D{CODE}%26state%3D{STATE}",
    "code and state apart": f"{CODE}\n{STATE}",
    "both apart, labelled": f"code:{CODE}\nstate={STATE}",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_taken(text: str) -> None:
    assert read_paste(text, DOMAIN, {STATE, OTHER}) == Code(Secret(CODE), STATE)


LINK = (
    f"{DOMAIN}o/authorize/?response_type=code&client_id=abc&"
    "redirect_uri=https%3A%2F%2Fmajora.test%2Fo%2Fcallback%2F"
)

FAULTS: dict[str, tuple[str, str]] = {
    "blanks and quotes": (' "" \r\n\t ', "empty"),
    "the link's query": (
        f"?response_type=code&client_id=abc&state={STATE}",
        "authorize-link",
    ),
    "the link's page": (f"{DOMAIN}o/authorize/", "authorize-link"),
    "the log-in page": (
        f"{DOMAIN}account/login/?next=/o/authorize/%3Fstate%3D{STATE}",
        "log-in-page",
    ),
    "the log-in page alone": (f"{DOMAIN}accounts/login/", "log-in-page"),
    "a server that looks like it": (
        CALLBACK.replace("majora.test", "majora.test.evil.test"),
        "other-server",
    ),
    "user info": (
        CALLBACK.replace("https://", "https://majora.test@evil.test/?"),
        "other-server",
    ),
    "an earlier cancel": (
        f"{DOMAIN}o/callback/?error=access_denied&state=earlier0123456789a",
        "wrong-state",
    ),
    "cut off": (CALLBACK[:-10], "no-state"),
    "cancel": (f"{DOMAIN}o/callback/?error=access_denied&state={STATE}", "denied"),
    "cancel, broken in a word": (
        f"{DOMAIN}o/callback/?error=access_de\nnied&state={STATE}",
        "denied",
    ),
    "cancel without a state": (f"{DOMAIN}o/callback/?error=access_denied", "denied"),
    "no permission": (f"?error=invalid_scope&state={STATE}", "scope"),
    "no code": (f"{DOMAIN}o/callback/?state={STATE}", "no-code"),
    "no state": (f"{DOMAIN}o/callback/?code={CODE}", "no-state"),
    "the code alone": (CODE, "no-state"),
    "words": ("what do I do now?", "no-code"),
}


@pytest.mark.parametrize(("text", "kind"), FAULTS.values(), ids=FAULTS.keys())
def test_told_apart(text: str, kind: str) -> None:
    fault = read_paste(text, DOMAIN, {STATE, OTHER})
    assert isinstance(fault, PasteProblem), fault
    assert fault.kind == kind


AT_PORT = f"http://127.0.0.1:8000/o/callback/?code={CODE}&state={STATE}"
MISREAD = [
    # paste, the server, the states of pending logins, and all that is known then: never
    # the code
    (
        f"http://other.test/?code={CODE}&state={STATE}",
        DOMAIN,
        {STATE},
        PasteProblem("other-server", "other.test"),
    ),
    (
        f"{LINK}&state={STATE}",
        DOMAIN,
        {STATE, OTHER},
        PasteProblem("authorize-link", state=STATE),
    ),
    # A broken paste has its code where a host belongs.
    (
        f"https://{CODE}/",
        DOMAIN,
        {STATE},
        PasteProblem("other-server", "an unreadable host"),
    ),
    (
        f"?error=server_error&error_description={CODE}&state={STATE}",
        DOMAIN,
        {STATE, OTHER},
        PasteProblem("error", "Majora answered server_error.", STATE),
    ),
    (
        f"?error={CODE}&state={STATE}",
        DOMAIN,
        {STATE},
        PasteProblem("error", "Majora answered an unknown error.", STATE),
    ),
    # the words of Majora's error pages
    (
        "Error: Mismatching\nredirect URI.",
        DOMAIN,
        {STATE},
        PasteProblem("redirect-uri", "The browser shows: Mismatching redirect URI."),
    ),
    (
        "Invalid client_id parameter value.",
        DOMAIN,
        {STATE},
        PasteProblem("client", "The browser shows: Invalid client_id parameter value."),
    ),
    *(
        (
            f"Permission Denied. The page {text}.",
            DOMAIN,
            {STATE},
            PasteProblem("two-factor", f"The browser shows: {text}."),
        )
        for text in (
            "enforces users to verify using two-factor authentication",
            "has not enabled 2FA",
        )
    ),
    # The state tells whose callback it is.
    *(
        (text, DOMAIN, {OTHER}, PasteProblem("wrong-state", state=STATE))
        for text in (
            CALLBACK,
            f"<{CALLBACK}>",
            quote(CALLBACK, safe=""),
            lines(CALLBACK, 40),
        )
    ),
    *(
        (CALLBACK, DOMAIN, states, PasteProblem("wrong-state", state=STATE))
        for states in (set[str](), {STATE[1:]})
    ),
    (
        AT_PORT,
        "http://127.0.0.1:8001/",
        {STATE},
        PasteProblem("other-server", "127.0.0.1:8000"),
    ),
]


@pytest.mark.parametrize(("text", "domain", "states", "known"), MISREAD)
def test_what_a_misread_knows(
    text: str, domain: str, states: set[str], known: PasteProblem
) -> None:
    assert read_paste(text, domain, states) == known


def test_what_else_is_taken() -> None:
    assert isinstance(read_paste(AT_PORT, "http://127.0.0.1:8000/", {STATE}), Code)
    assert CODE not in repr(read_paste(CALLBACK, DOMAIN, {STATE}))
    odd = "4/0A:b|c&d?e f=="
    text = f"{DOMAIN}o/callback/?state={STATE}&code={quote(odd, safe='')}, thanks"
    assert read_paste(text, DOMAIN, {STATE}) == Code(Secret(odd), STATE)


FRAGMENTS = st.sampled_from(
    [
        CALLBACK,
        LINK,
        STATE,
        CODE,
        "code=",
        "&",
        "?",
        "state=",
        "https://",
        "\n",
        "\r",
        " ",
        "%",
        "%3D",
        "\x1b[200~",
        "error=",
        "access_denied",
        "&amp;",
        "'",
        ">",
        "[",
        "]",
        "@",
        ":",
        "\0",
        "\ud800",
        "é",
        "//",
        "http://[",
    ]
)


@given(
    st.lists(FRAGMENTS | st.text(max_size=20), max_size=20).map("".join),
    st.just(DOMAIN) | st.text(),
    st.just({STATE, OTHER}) | st.sets(st.text()),
)
def test_never_raises(text: str, domain: str, states: set[str]) -> None:
    came = read_paste(text, domain, states)
    if isinstance(came, Code):
        assert came.state in states
        assert came.code
