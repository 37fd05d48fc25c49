"""The command line of the stand-in client, and its table of endpoints."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any
from urllib.request import Request

from . import config as configuration
from . import oauth
from .version import __version__, at_least

_VIEW = "majora2.view_biosampleartifact"
_EXIT = {400: 77, 403: 77, 500: 69, 429: 75, 503: 75}
"""Status to exit code (sysexits.h), from 0.42 on; any other is 70."""


def _endpoint(path: str, scope: str, *, version: int = 2, method: str = "POST") -> dict[str, Any]:
    return {"endpoint": path, "version": version, "type": method, "scope": scope}


def _scopes(*names: str) -> str:
    return " ".join(f"majora2.{name}" for name in names)


ENDPOINTS: dict[str, Any] = {
    "api.artifact.biosample.add": _endpoint(
        "/api/v2/artifact/biosample/add/",
        _scopes(
            "add_biosampleartifact",
            "change_biosampleartifact",
            "add_biosamplesource",
            "change_biosamplesource",
            "add_biosourcesamplingprocess",
            "change_biosourcesamplingprocess",
        ),
    ),
    "api.artifact.biosample.update": _endpoint(
        "/api/v2/artifact/biosample/update/",
        _scopes(
            "change_biosampleartifact",
            "add_biosamplesource",
            "change_biosamplesource",
            "change_biosourcesamplingprocess",
        ),
    ),
    "api.artifact.biosample.addempty": _endpoint(
        "/api/v2/artifact/biosample/addempty/",
        _scopes(
            "force_add_biosampleartifact",
            "add_biosampleartifact",
            "change_biosampleartifact",
            "add_biosourcesamplingprocess",
            "change_biosourcesamplingprocess",
        ),
    ),
    "api.artifact.library.add": _endpoint(
        "/api/v2/artifact/library/add/",
        _scopes(
            "add_biosampleartifact",
            "change_biosampleartifact",
            "add_libraryartifact",
            "change_libraryartifact",
            "add_librarypoolingprocess",
            "change_librarypoolingprocess",
        ),
    ),
    "api.process.sequencing.add": _endpoint(
        "/api/v2/process/sequencing/add/",
        _scopes("change_libraryartifact", "add_dnasequencingprocess", "change_dnasequencingprocess"),
    ),
    "api.artifact.file.add": _endpoint(
        "/api/v2/artifact/file/add/",
        _scopes("add_digitalresourceartifact", "change_digitalresourceartifact"),
    ),
    "api.meta.tag.add": _endpoint(
        "/api/v2/meta/tag/add/", _scopes("add_majorametarecord", "change_majorametarecord")
    ),
    "api.meta.metric.add": _endpoint(
        "/api/v2/meta/metric/add/",
        _scopes("add_temporarymajoraartifactmetric", "change_temporarymajoraartifactmetric"),
    ),
    "api.meta.qc.add": _endpoint(
        "/api/v2/meta/qc/add/", _scopes("add_pagqualityreport", "change_pagqualityreport")
    ),
    "api.pag.qc.get": _endpoint("/api/v2/pag/qc/get/", _scopes("temp_can_read_pags_via_api")),
    "api.pag.accession.add": _endpoint(
        "/api/v2/pag/accession/add/",
        _scopes("add_temporaryaccessionrecord", "change_temporaryaccessionrecord"),
    ),
    "api.artifact.biosample.get": _endpoint("/api/v2/artifact/biosample/get/", _VIEW),
    "api.process.sequencing.get": _endpoint("/api/v2/process/sequencing/get/", _VIEW),
    "api.artifact.biosample.query.validity": _endpoint("/api/v2/artifact/biosample/query/validity/", _VIEW),
    "api.majora.task.stream": "/api/v2/majora/task/stream/",
    "api.group.mag.get": "/api/v2/group/mag/get/",
    "api.group.pag.suppress": _endpoint("/api/v2/group/pag/suppress/", _scopes("can_suppress_pags_via_api")),
    "api.v3.majora.mdv.get": _endpoint(
        "/api/v3/mdv/", _scopes("can_read_dataview_via_api"), version=3, method="GET"
    ),
    "api.v0.artifact.info": _endpoint(
        "/api/v0/artifact/info/", _scopes("view_majoraartifact_info"), version=0, method="GET"
    ),
}
if not at_least(0, 44):
    # FACTS.md: in 0.36.1 the sample query has no scope of its own.
    ENDPOINTS["api.artifact.biosample.get"] = ENDPOINTS["api.artifact.biosample.get"]["endpoint"]

_FALLBACK_SCOPE = "majora2.temp_can_read_pags_via_api"


def cli() -> None:
    args = _parser().parse_args()
    config = configuration.load(env=args.env, profile=getattr(args, "profile", None))
    if not (args.quiet or config.get("OCARINA_NO_BANNER") or config.get("OCARINA_QUIET")):
        sys.stderr.write(f"(stand-in client)\nHello {config['MAJORA_USER']}.\n")
    if hasattr(args, "run"):
        args.run(config, args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ocarina")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("--env", action="store_true")
    parser.add_argument("--angry", action="store_true")
    parser.add_argument("--oauth", action="store_true")
    parser.add_argument("-v", "--version", action="version", version=f"ocarina v{__version__}")
    if at_least(0, 48):
        parser.add_argument("--profile")
    actions = parser.add_subparsers()
    gets = actions.add_parser("get").add_subparsers()
    biosample = gets.add_parser("biosample")
    biosample.add_argument("--central-sample-id", required=True)
    biosample.set_defaults(run=_get_biosample)
    validity = gets.add_parser("biosample-validity")
    validity.add_argument("--biosamples", nargs="+", required=True)
    validity.set_defaults(run=_get_validity)
    refresh = actions.add_parser("oauth").add_subparsers().add_parser("refresh")
    refresh.add_argument("--scopes", nargs="+")
    refresh.set_defaults(run=_oauth_refresh)
    return parser


def _oauth_refresh(config: configuration.Config, args: argparse.Namespace) -> None:
    if args.scopes:
        oauth.usable_token(config, " ".join(args.scopes), refresh=True)
    else:
        oauth.refresh_all(config)


def _get_biosample(config: configuration.Config, args: argparse.Namespace) -> None:
    _emit(config, args, "api.artifact.biosample.get", {"central_sample_id": args.central_sample_id})


def _get_validity(config: configuration.Config, args: argparse.Namespace) -> None:
    _emit(config, args, "api.artifact.biosample.query.validity", {"biosamples": args.biosamples})


def _emit(config: configuration.Config, args: argparse.Namespace, name: str, payload: dict[str, Any]) -> None:
    endpoint = ENDPOINTS[name]
    path, scope = endpoint, _FALLBACK_SCOPE
    if isinstance(endpoint, dict):
        path, scope = endpoint["endpoint"], endpoint["scope"]
    payload = {
        **payload,
        "client_name": "ocarina",
        "client_version": __version__,
        "username": config["MAJORA_USER"],
        "token": config["MAJORA_TOKEN"],
    }
    headers = {"Content-Type": "application/json", "User-Agent": f"ocarina {__version__}"}
    if args.oauth:
        payload["token"] = "OAUTH"  # the client's own word
        headers["Authorization"] = "Bearer " + oauth.usable_token(config, scope)["access_token"]
    # The path starts with a slash and gets one more at its end: both double slashes are the client's own.
    request = Request(  # noqa: S310
        config["MAJORA_DOMAIN"] + path + "/", data=json.dumps(payload).encode(), headers=headers
    )
    status, body = oauth.send(request)
    quiet = args.quiet or bool(config.get("OCARINA_QUIET"))
    if status != 200 or not quiet:
        shown = {**payload, "token": "*" * len(payload["token"])}
        sys.stderr.write("Request\n" + json.dumps(shown, indent=4, sort_keys=True) + "\n")
    if status != 200:
        sys.stderr.write(f"Response: status {status}\n{body.decode(errors='replace')}\n")
        sys.exit(_EXIT.get(status, 70) if at_least(0, 42) else 2)
    answer = json.loads(body)
    if not quiet:
        sys.stderr.write("Response\n" + json.dumps(answer, indent=4, sort_keys=True) + "\n")
    if answer["errors"] > 0 and args.angry:
        sys.exit(1)
