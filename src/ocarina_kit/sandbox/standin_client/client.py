"""The stand-in for the Majora client, which `standin` installs as the module `ocarina`.

It does what the kit and its users do with the real one, faults included: it writes in
place, has no lock and no time limit, and never refreshes an expired token. It needs
nothing but the standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

__version__ = "1.0.0"  # the installation puts the version asked for here

ENDPOINTS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "endpoints.json").read_text()
)
"""Name to path and scope; a bare path for an endpoint without a scope of its own.

The installation writes it.
"""

_DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("MAJORA_USER", "MAJORA_TOKEN", "CLIENT_ID", "CLIENT_SECRET")),
    **{
        "MAJORA_DOMAIN": "https://example.org/",
        "MAJORA_TOKENS_FILE": "~/.ocarina-tokens",
    },
    **{"OCARINA_NO_BANNER": 0, "OCARINA_QUIET": 0},
}
_EXIT = {400: 77, 403: 77, 500: 69, 429: 75, 503: 75}
"""Status to exit code (sysexits.h); any other is 70."""
_EX_CONFIG = 78

Config = dict[str, Any]
Token = dict[str, Any]


def _config(args: argparse.Namespace) -> Config:
    """Read the settings, by layers. A problem ends the program."""
    path = Path(os.environ.get("OCARINA_CONF_FILE", "~/.ocarina")).expanduser()
    found: Config = dict(os.environ)
    if not args.env:
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError) as problem:
            _fail(f"{path}: {problem}")
        chosen = found.get("profile", {}).get(args.profile, {}) if args.profile else {}
        found = {**found, **found.get("default", {}), **chosen}
    config = {name: found.get(name, default) for name, default in _DEFAULTS.items()}
    for name in ("OCARINA_NO_BANNER", "OCARINA_QUIET"):
        config[name] = int(config[name])
    if any(value in (None, "") for value in config.values()):
        _fail(
            "Configuration not valid: a key is missing or blank, or the profile is not"
            " in the file"
        )
    return config


def _fail(message: str) -> None:
    sys.stderr.write(f"[FAIL] {message}\n")
    sys.exit(_EX_CONFIG)


def _tokens(config: Config) -> dict[str, Token]:
    path = Path(config["MAJORA_TOKENS_FILE"]).expanduser()
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _usable_token(config: Config, scope: str, *, refresh: bool = False) -> Token:
    """Return the token for exactly this scope string, as stored or refreshed."""
    token = _tokens(config).get(scope)
    if token is None or token["expires_at"] <= time.time():
        _ask_for_a_grant(config, scope)
        raise RuntimeError("this stand-in cannot log in; ocarina-kit login can")
    if not refresh:
        return token
    client = {
        "client_id": config["CLIENT_ID"],
        "client_secret": config["CLIENT_SECRET"],
    }
    asked = {
        **client,
        "grant_type": "refresh_token",
        "refresh_token": token["refresh_token"],
    }
    _, body = _send(config["MAJORA_DOMAIN"] + "o/token/", urlencode(asked).encode(), {})
    answer = json.loads(body)
    if "error" in answer:
        raise RuntimeError(
            f"({answer['error']}) {answer.get('error_description', '')}".strip()
        )
    answer["scope"] = answer["scope"].split()
    token = {**token, **answer, "expires_at": time.time() + answer["expires_in"]}
    # In place; 0600 only for a new file: one that was looser stays as it was.
    tokens = {**_tokens(config), " ".join(token["scope"]): token}
    os.umask(0o177)
    Path(config["MAJORA_TOKENS_FILE"]).expanduser().write_text(json.dumps(tokens))
    return token


def _ask_for_a_grant(config: Config, scope: str) -> None:
    """Show the link for a login.

    Under cron, without input, the program ends here with an EOFError.
    """
    import secrets

    asked = {"response_type": "code", "client_id": config["CLIENT_ID"], "scope": scope}
    answered = {
        "redirect_uri": config["MAJORA_DOMAIN"] + "o/callback/",
        "state": secrets.token_urlsafe(22),
    }
    print("Open this link to request a grant:")
    print(config["MAJORA_DOMAIN"] + "o/authorize/?" + urlencode({**asked, **answered}))
    input("Paste the whole callback URL from your browser\n")


def _send(url: str, data: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Return the status and body of an answer.

    There is no time limit, as in the real client.
    """
    # Most starts only ask for the version. These take as long to import as the
    # interpreter takes to start.
    import ssl
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    context = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE"))
    request = Request(url, data, headers)  # noqa: S310
    try:
        with urlopen(request, context=context) as answer:  # noqa: S310
            return answer.status, answer.read()
    except HTTPError as refusal:
        return refusal.code, refusal.read()


def cli() -> None:
    """Run the command line."""
    args = _parser().parse_args()
    config = _config(args)
    args.quiet = args.quiet or config["OCARINA_QUIET"]
    if not (args.quiet or config["OCARINA_NO_BANNER"]):
        sys.stderr.write(f"(stand-in client)\nHello {config['MAJORA_USER']}.\n")
    args.run(config, args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ocarina")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("--env", action="store_true")
    parser.add_argument("--oauth", action="store_true")
    parser.add_argument("--profile")
    parser.add_argument(
        "-v", "--version", action="version", version=f"ocarina v{__version__}"
    )
    parser.set_defaults(run=lambda config, args: None)
    actions = parser.add_subparsers()
    biosample = actions.add_parser("get").add_subparsers().add_parser("biosample")
    biosample.add_argument("--central-sample-id", required=True)
    biosample.set_defaults(run=_get_biosample)
    actions.add_parser("oauth").add_subparsers().add_parser("refresh").set_defaults(
        run=_oauth_refresh
    )
    return parser


def _oauth_refresh(config: Config, args: argparse.Namespace) -> None:
    """Refresh one token after another. The first that fails ends the run."""
    for scope in _tokens(config):
        _usable_token(config, scope, refresh=True)
        print(f"refreshed {scope}")


def _get_biosample(config: Config, args: argparse.Namespace) -> None:
    path, scope = (
        ENDPOINTS["api.artifact.biosample.get"],
        "majora2.temp_can_read_pags_via_api",
    )
    if isinstance(path, dict):
        path, scope = path["endpoint"], path["scope"]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"ocarina {__version__}",
    }
    token = config["MAJORA_TOKEN"]
    if args.oauth:
        token = "OAUTH"  # the client's own word
        headers["Authorization"] = (
            "Bearer " + _usable_token(config, scope)["access_token"]
        )
    asked = {
        "username": config["MAJORA_USER"],
        "token": token,
        "central_sample_id": args.central_sample_id,
    }
    payload = {**asked, "client_name": "ocarina", "client_version": __version__}
    # The path starts with a slash and gets one more at its end: both double slashes are
    # the client's own.
    status, body = _send(
        config["MAJORA_DOMAIN"] + path + "/", json.dumps(payload).encode(), headers
    )
    if status != 200:
        sys.stderr.write(
            f"Response: status {status}\n{body.decode(errors='replace')}\n"
        )
        sys.exit(_EXIT.get(status, 70))
    if not args.quiet:
        sys.stderr.write(
            "Response\n" + json.dumps(json.loads(body), indent=4, sort_keys=True) + "\n"
        )
