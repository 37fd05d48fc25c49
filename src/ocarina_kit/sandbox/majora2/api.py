"""The sample queries of Majora's API.

They are enough for a client to see whether it is let in.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_backends import get_oauthlib_core

from ocarina_kit.sandbox.majora2.models import LegacyKey
from ocarina_kit.sandbox.state import STATE


class Complaint(Exception):  # noqa: N818
    """What is wrong with a request whose credentials are good.

    It is said in an answer with status 200.
    """


@csrf_exempt
def query(request: HttpRequest, name: str) -> HttpResponse:
    """Answer `query/validity` (which samples exist) or `get` (one sample).

    They change nothing. Whatever is wrong with the credentials gets the same bare 400.
    """
    try:
        asked = json.loads(request.body)
    except ValueError:
        return HttpResponseBadRequest()
    if (
        not isinstance(asked, dict)
        or not asked.get("token")
        or not asked.get("username")
    ):
        return HttpResponseBadRequest()
    bearer = request.META.get("HTTP_AUTHORIZATION", "").startswith("Bearer")
    user = _token_holder(request) if bearer else _key_holder(asked)
    if user is None or not user.is_active:
        return HttpResponseBadRequest()
    try:
        _judge_client(asked)
        if bearer:
            _judge_scopes(request)
        found = _get(asked) if name == "get" else _validity(asked)
    except Complaint as problem:
        return JsonResponse({"errors": 1, "messages": [str(problem)], "success": False})
    return JsonResponse({"errors": 0, "messages": [], "success": True, **found})


def _token_holder(request: HttpRequest) -> Any:
    """Return the user of an access token, None if it is not valid."""
    return get_oauthlib_core().verify_request(request, scopes=[])[1].user


def _key_holder(asked: dict[str, Any]) -> Any:
    """Return the user of a legacy key, None if it gives no access.

    Name and key must belong together, and the account must have the permission.
    """
    named = {"key": str(asked["token"]), "user__username": str(asked["username"])}
    key = LegacyKey.objects.select_related("user").filter(**named).first()
    usable = (
        key is not None
        and key.is_usable
        and key.user.has_perms(STATE.query_scope.split())
    )
    return key.user if usable else None


def _judge_client(asked: dict[str, Any]) -> None:
    """Refuse a client that is too old.

    This comes before the scopes. The real queries ask for none, so that an old client
    always hears of its age there.
    """
    if asked.get("client_name") != "ocarina":
        return
    try:
        version = [int(part) for part in str(asked.get("client_version")).split(".")]
    except ValueError:
        raise Complaint(
            "The version of your 'ocarina' client could not be read"
        ) from None
    if version < [int(part) for part in STATE.minimum_client.split(".")]:
        raise Complaint(
            f"Update your 'ocarina' client to version v{STATE.minimum_client}"
        )


def _judge_scopes(request: HttpRequest) -> None:
    if not get_oauthlib_core().verify_request(
        request, scopes=STATE.query_scope.split()
    )[0]:
        raise Complaint(
            "Your token is valid but does not have all of the scopes to perform this"
            f" action. Required scopes: {STATE.query_scope}"
        )


def _validity(asked: dict[str, Any]) -> dict[str, Any]:
    if not asked.get("biosamples"):
        raise Complaint("'biosamples' key missing or empty")
    return {
        "result": {
            name: {"exists": name in STATE.samples} for name in asked["biosamples"]
        }
    }


def _get(asked: dict[str, Any]) -> dict[str, Any]:
    name = asked.get("central_sample_id")
    if not name:
        raise Complaint("'central_sample_id' key missing or empty")
    if name not in STATE.samples:
        raise Complaint("No such artifact.")
    return {"get": {name: {"central_sample_id": name, "artifact_model": "Biosample"}}}
