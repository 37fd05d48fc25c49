"""Where Majora's OAuth differs from django-oauth-toolkit's own: scopes are permissions, codes need a second factor."""

from __future__ import annotations

from typing import Any

from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2 import AccessDeniedError

_PERMISSIONS = "X-Sandbox-Permissions"


class Backend(OAuthLibCore):
    """Hands the logged-in person's permissions to the validator: oauthlib's request knows no person at authorize."""

    def extract_headers(self, request: Any) -> dict[str, Any]:
        headers: dict[str, Any] = super().extract_headers(request)
        # Set, never added to: a header of that name from outside must not count.
        headers[_PERMISSIONS] = " ".join(request.user.get_all_permissions())
        return headers


class Validator(OAuth2Validator):
    def validate_scopes(
        self, client_id: str, scopes: Any, client: Any, request: Any, *_: Any
    ) -> bool:
        """ALL scopes asked for must be covered by the account's permissions (FACTS.md)."""
        return set(scopes) <= set(request.headers[_PERMISSIONS].split())

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Any, *_: Any
    ) -> bool:
        """To the letter (FACTS.md); the toolkit itself lets ports of loopback addresses and queries differ."""
        return redirect_uri in request.client.redirect_uris.split()

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, *_: Any
    ) -> bool:
        valid: bool = super().validate_code(client_id, code, client, request)
        if valid and not hasattr(request.user, "second_factor"):
            raise AccessDeniedError(
                "The requesting user has not enabled 2FA", request=request
            )
        return valid
