"""Where Majora's OAuth differs from django-oauth-toolkit's own: scopes are permissions, codes need a second factor."""

from __future__ import annotations

from typing import Any

from oauth2_provider.models import get_grant_model
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauthlib.oauth2 import AccessDeniedError

from ocarina_kit.sandbox.majora.permissions import SCOPES

_PERMISSIONS = "X-Sandbox-Permissions"


class PermissionScopes(BaseScopes):
    """Every permission is a scope; which of them an account may grant, the validator decides."""

    def get_all_scopes(self) -> dict[str, str]:
        return SCOPES

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *_: Any, **__: Any
    ) -> list[str]:
        return list(SCOPES)

    def get_default_scopes(
        self, application: Any = None, request: Any = None, *_: Any, **__: Any
    ) -> list[str]:
        return []


class Backend(OAuthLibCore):
    """Hands the logged-in person's permissions to the validator: oauthlib's request knows no person at authorize."""

    def extract_headers(self, request: Any) -> dict[str, Any]:
        headers: dict[str, Any] = super().extract_headers(request)
        # Set, never added to: a header of that name from outside must not count.
        headers[_PERMISSIONS] = " ".join(request.user.get_all_permissions())
        return headers


class Validator(OAuth2Validator):
    def validate_scopes(
        self, client_id: str, scopes: Any, client: Any, request: Any, *_: Any, **__: Any
    ) -> bool:
        """ALL scopes asked for must be covered by the account's permissions (FACTS.md)."""
        return set(scopes) <= set(request.headers[_PERMISSIONS].split())

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Any, *_: Any, **__: Any
    ) -> bool:
        """To the letter (FACTS.md); the toolkit itself lets ports of loopback addresses and queries differ."""
        return redirect_uri in request.client.redirect_uris.split()

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *_: Any, **__: Any) -> bool:
        valid: bool = super().validate_code(client_id, code, client, request)
        if valid:
            grant = get_grant_model().objects.get(code=code, application=client)
            if not hasattr(grant.user, "second_factor"):
                raise AccessDeniedError(
                    description="The requesting user has not enabled 2FA", request=request
                )
        return valid
