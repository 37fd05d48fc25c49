"""What the test process may do to the server: each public method below is one command of the pipe."""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import (
    get_access_token_model,
    get_application_model,
    get_refresh_token_model,
)
from oauthlib.common import generate_token

from ocarina_kit.sandbox import totp
from ocarina_kit.sandbox.clock import SERVER_CLOCK
from ocarina_kit.sandbox.faults import Fault
from ocarina_kit.sandbox.majora.models import LegacyKey, Sample, SecondFactor
from ocarina_kit.sandbox.majora.options import OPTIONS
from ocarina_kit.sandbox.majora.permissions import APP, SCOPES

LIFETIME = 36_000
"""Seconds that an access token lives (FACTS.md)."""


class Control:
    def __init__(self, server: Any) -> None:
        self._server = server

    def do(self, command: str, arguments: dict[str, Any]) -> Any:
        if command.startswith("_") or command == "do":
            raise ValueError(f"no such command: {command}")
        return getattr(self, command)(**arguments)

    # People

    def add_user(
        self, name: str, password: str, permissions: list[str] | str, two_factor: bool, active: bool
    ) -> dict[str, Any]:
        user = get_user_model().objects.create_user(name, password=password, is_active=active)
        _permit(user, permissions)
        return {"totp_secret": self.set_two_factor(name, two_factor)}

    def set_permissions(self, name: str, permissions: list[str] | str) -> None:
        _permit(_user(name), permissions)

    def set_active(self, name: str, active: bool) -> None:
        user = _user(name)
        user.is_active = active
        user.save()

    def set_two_factor(self, name: str, enabled: bool) -> str | None:
        user = _user(name)
        SecondFactor.objects.filter(user=user).delete()
        if not enabled:
            return None
        secret = totp.new_secret()
        SecondFactor.objects.create(user=user, secret=secret)
        return secret

    def add_legacy_key(self, name: str, age: float) -> str:
        return LegacyKey.issue(_user(name), age).key

    def revoke_legacy_key(self, key: str) -> None:
        LegacyKey.objects.filter(key=key).update(revoked=True)

    def add_sample(self, name: str) -> None:
        Sample.objects.get_or_create(central_sample_id=name)

    # Applications and tokens

    def add_application(self, name: str, redirect_uri: str) -> dict[str, str]:
        client_id, client_secret = generate_client_id(), generate_client_secret()
        model = get_application_model()
        model.objects.create(
            user=_user(name),
            name=f"{name}-ocarina",
            client_id=client_id,
            client_secret=client_secret,
            hash_client_secret=False,
            client_type=model.CLIENT_CONFIDENTIAL,
            authorization_grant_type=model.GRANT_AUTHORIZATION_CODE,
            redirect_uris=redirect_uri,
        )
        return {"client_id": client_id, "client_secret": client_secret}

    def remove_application(self, client_id: str) -> None:
        get_application_model().objects.filter(client_id=client_id).delete()

    def applications(self, name: str) -> list[dict[str, str]]:
        fields = (
            "name",
            "client_id",
            "client_secret",
            "client_type",
            "authorization_grant_type",
            "redirect_uris",
        )
        return list(get_application_model().objects.filter(user=_user(name)).order_by("pk").values(*fields))

    def grant(self, name: str, client_id: str, scope: str, age: float) -> dict[str, str]:
        user, application = _user(name), get_application_model().objects.get(client_id=client_id)
        access = get_access_token_model().objects.create(
            user=user,
            application=application,
            token=generate_token(),
            scope=scope,
            expires=timezone.now() + datetime.timedelta(seconds=LIFETIME - age),
        )
        refresh = get_refresh_token_model().objects.create(
            user=user, application=application, token=generate_token(), access_token=access
        )
        return {"access_token": access.token, "refresh_token": refresh.token}

    def expire_tokens(self) -> None:
        past = timezone.now() - datetime.timedelta(seconds=1)
        get_access_token_model().objects.filter(expires__gt=past).update(expires=past)

    def revoke(self, token: str) -> bool:
        refresh = get_refresh_token_model().objects.filter(token=token, revoked__isnull=True).first()
        if refresh is not None:
            refresh.revoke()
            return True
        return bool(get_access_token_model().objects.filter(token=token).delete()[0])

    def token_state(self, token: str) -> str:
        """``"live"``, ``"expired"``, ``"dead"`` (revoked or spent) or ``"unknown"``."""
        refresh = get_refresh_token_model().objects.filter(token=token).order_by("-pk").first()
        if refresh is not None:
            return "live" if refresh.revoked is None else "dead"
        access = get_access_token_model().objects.filter(token=token).first()
        if access is None:
            return "unknown"
        return "expired" if access.is_expired() else "live"

    # The server itself

    def shift_clock(self, seconds: float) -> float:
        SERVER_CLOCK.offset += seconds
        return SERVER_CLOCK.offset

    def configure(self, minimum_client: str | None, query_scope: str | None) -> None:
        if minimum_client is not None:
            OPTIONS.minimum_client = minimum_client
        if query_scope is not None:
            OPTIONS.query_scope = query_scope

    def add_fault(self, fault: dict[str, Any]) -> None:
        self._server.faults.add(Fault(**fault))

    def clear_faults(self) -> None:
        self._server.faults.clear()

    def requests(self) -> list[dict[str, Any]]:
        return list(self._server.seen)

    def clear_requests(self) -> None:
        self._server.seen.clear()


def _user(name: str) -> Any:
    return get_user_model().objects.get(username=name)


def _permit(user: Any, permissions: list[str] | str) -> None:
    wanted = list(SCOPES) if permissions == "all" else list(permissions)
    unknown = sorted(set(wanted) - set(SCOPES))
    if unknown:
        raise ValueError(f"no such permissions: {', '.join(unknown)}")
    names = [scope.removeprefix(f"{APP}.") for scope in wanted]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label=APP, codename__in=names))
