"""Tokens, as the client handles them: one file written in place, no lock, an expired token is never refreshed."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

from . import config as configuration
from .version import at_least

EX_TEMPFAIL = 75

Token = dict[str, Any]


class OAuthError(Exception):
    """The server refused."""


def load_tokens(path: Path) -> dict[str, Token]:
    if not path.exists():
        return {}
    configuration.warn_of_open_file(path)
    try:
        with path.open() as file:
            tokens: dict[str, Token] = json.load(file)
    except json.JSONDecodeError:
        if not at_least(0, 48):
            raise
        sys.stderr.write(f"{path} is not valid JSON\n")
        sys.exit(configuration.EX_CONFIG)
    return tokens


def save_token(path: Path, token: Token) -> None:
    tokens = load_tokens(path)
    tokens[" ".join(token["scope"])] = token
    if not at_least(0, 48):
        with path.open("w") as file:
            json.dump(tokens, file)
        return
    # 0600 for a new file alone: one that was looser stays as it was.
    old_mask = os.umask(0o177)
    with path.open("w") as file:
        json.dump(tokens, file)
    os.umask(old_mask)


def usable_token(config: configuration.Config, scope: str, *, refresh: bool = False) -> Token:
    """The token for exactly this scope string: as stored, refreshed on demand, or from a new grant."""
    path = configuration.tokens_file(config)
    token = load_tokens(path).get(scope)
    if token is None or token["expires_at"] <= time.time():
        token = _grant(config, scope)
        save_token(path, token)
    elif refresh:
        token = _refreshed(config, token)
        save_token(path, token)
    return token


def refresh_all(config: configuration.Config) -> None:
    """One after another; the first that fails ends the run."""
    for scope in load_tokens(configuration.tokens_file(config)):
        usable_token(config, scope, refresh=True)
        print(f"refreshed {scope}")


def send(request: Request) -> tuple[int, bytes]:
    """The answer's status and body. There is no time limit, as in the real client."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    try:
        with urlopen(request, context=ssl.create_default_context(cafile=bundle)) as answer:  # noqa: S310
            return answer.status, answer.read()
    except HTTPError as refusal:
        return refusal.code, refusal.read()


def _grant(config: configuration.Config, scope: str) -> Token:
    domain = config["MAJORA_DOMAIN"]
    state = secrets.token_urlsafe(22)
    asked = {
        "response_type": "code",
        "client_id": config["CLIENT_ID"],
        "redirect_uri": domain + "o/callback/",
        "scope": scope,
        "state": state,
        "approval_prompt": "auto",
    }
    print("Open this link to request a grant:")
    print(domain + "o/authorize/?" + urlencode(asked))
    for _ in range(3):
        pasted = input("Paste the whole callback URL from your browser\n")
        if pasted.startswith(domain):
            break
        print("That does not start with the server's address. Paste all of the callback URL.")
    else:
        print("Giving up on the grant. Try again later.")
        sys.exit(EX_TEMPFAIL if at_least(0, 42) else 1)
    query = parse_qs(urlsplit(pasted).query)
    if query.get("state", [""])[0] != state:
        raise OAuthError("mismatching_state")
    if "code" not in query:
        raise OAuthError(query.get("error", ["missing_code"])[0])
    return _token(
        config,
        {
            "grant_type": "authorization_code",
            "code": query["code"][0],
            "redirect_uri": domain + "o/callback/",
        },
    )


def _refreshed(config: configuration.Config, token: Token) -> Token:
    fresh = _token(config, {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]})
    fresh.setdefault("refresh_token", token["refresh_token"])
    fresh.setdefault("scope", token["scope"])
    return fresh


def _token(config: configuration.Config, asked: dict[str, str]) -> Token:
    body = urlencode(
        {**asked, "client_id": config["CLIENT_ID"], "client_secret": config["CLIENT_SECRET"]}
    ).encode()
    _, answer = send(Request(config["MAJORA_DOMAIN"] + "o/token/", data=body))  # noqa: S310
    token: Token = json.loads(answer)
    if "error" in token:
        raise OAuthError(f"({token['error']}) {token.get('error_description', '')}".strip())
    if isinstance(token.get("scope"), str):
        token["scope"] = token["scope"].split()
    token["expires_at"] = time.time() + int(token["expires_in"])
    return token
