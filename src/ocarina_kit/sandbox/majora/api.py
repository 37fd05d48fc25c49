"""The sample queries of Majora's API: enough for a client to see whether it is let in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_backends import get_oauthlib_core

from ocarina_kit.sandbox.majora.models import LegacyKey, Sample
from ocarina_kit.sandbox.majora.options import OPTIONS

Answer = dict[str, Any]


@csrf_exempt
def validity(request: HttpRequest) -> HttpResponse:
    """``api.artifact.biosample.query.validity``: which samples exist. Changes nothing."""
    return _api(request, _validity)


@csrf_exempt
def get_biosample(request: HttpRequest) -> HttpResponse:
    """``api.artifact.biosample.get``: one sample."""
    return _api(request, _get_biosample)


def _validity(asked: dict[str, Any], answer: Answer) -> None:
    names = asked.get("biosamples")
    answer["result"] = {}
    if not isinstance(names, (list, dict)) or not names:
        _complain(answer, "'biosamples' key missing or empty")
        return
    known = set(Sample.objects.values_list("central_sample_id", flat=True))
    for name in map(str, names):
        exists = name in known
        answer["result"][name] = {
            "central_sample_id": name if exists else None,
            "exists": exists,
            "has_sender_id": False,
            "has_metadata": exists,
        }


def _get_biosample(asked: dict[str, Any], answer: Answer) -> None:
    name = asked.get("central_sample_id")
    if not name:
        _complain(answer, "'central_sample_id' key missing or empty")
    elif not Sample.objects.filter(central_sample_id=name).exists():
        _complain(answer, "No such artifact.")
    else:
        answer["get"] = {name: {"central_sample_id": name, "artifact_model": "Biosample"}}


def _api(request: HttpRequest, query: Callable[[dict[str, Any], Answer], None]) -> HttpResponse:
    """Who asks, with which client, and whether they may: the rules of FACTS.md.

    Whatever is wrong with the credentials gets the same bare 400. The client's version comes before the token's
    scopes: the real queries ask for no scope, so that there a client that is too old always hears of that.
    """
    if request.method != "POST":
        return HttpResponseBadRequest()
    try:
        asked = json.loads(request.body)
    except ValueError:
        return HttpResponseBadRequest()
    if not isinstance(asked, dict) or not asked.get("token") or not asked.get("username"):
        return HttpResponseBadRequest()
    answer: Answer = {
        "errors": 0,
        "warnings": 0,
        "messages": [],
        "tasks": [],
        "new": [],
        "updated": [],
        "ignored": [],
        "request": str(uuid.uuid4()),
    }
    holder = _bearer(request)
    user = holder if holder is not None else _key_holder(asked)
    if user is None or not user.is_active:
        return HttpResponseBadRequest()
    if _client_is_welcome(asked, answer):
        scopes = OPTIONS.query_scope.split()
        if holder is not None and not get_oauthlib_core().verify_request(request, scopes=scopes)[0]:
            _complain(
                answer,
                "Your token is valid but does not have all of the scopes to perform this action."
                f" Required scopes: {OPTIONS.query_scope}",
            )
        else:
            query(asked, answer)
    answer["success"] = answer["errors"] == 0
    return JsonResponse(answer)


def _bearer(request: HttpRequest) -> Any:
    """The holder of the request's access token, where it lives."""
    if not request.META.get("HTTP_AUTHORIZATION", "").startswith("Bearer"):
        return None
    valid, seen = get_oauthlib_core().verify_request(request, scopes=[])
    return seen.user if valid else None


def _key_holder(asked: dict[str, Any]) -> Any:
    """The user of a legacy key: name and key must belong together, and the account must have the permission."""
    key = (
        LegacyKey.objects.select_related("user")
        .filter(key=str(asked["token"]), user__username=str(asked["username"]))
        .first()
    )
    if key is None or not key.is_usable or not key.user.has_perms(OPTIONS.query_scope.split()):
        return None
    return key.user


def _client_is_welcome(asked: dict[str, Any], answer: Answer) -> bool:
    if asked.get("client_name") != "ocarina":
        return True
    try:
        version = tuple(int(part) for part in str(asked.get("client_version")).split("."))
    except ValueError:
        _complain(answer, "The version of your 'ocarina' client could not be read")
        return False
    if version < tuple(int(part) for part in OPTIONS.minimum_client.split(".")):
        _complain(answer, f"Update your 'ocarina' client to version v{OPTIONS.minimum_client}")
        return False
    return True


def _complain(answer: Answer, message: str) -> None:
    answer["messages"].append(message)
    answer["errors"] += 1
