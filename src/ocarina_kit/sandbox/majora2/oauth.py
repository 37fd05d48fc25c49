"""Where Majora's OAuth differs from that of django-oauth-toolkit.

Scopes are permissions, and codes need a second factor.
"""

from __future__ import annotations

from typing import Any

from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2 import AccessDeniedError

_PERMISSIONS = "X-Sandbox-Permissions"


class Backend(OAuthLibCore):
    """Hands the permissions of the logged-in person to the validator.

    The request of oauthlib knows no person at authorize.
    """

    def extract_headers(self, request: Any) -> dict[str, Any]:
        """Add the permissions as a header."""
        headers: dict[str, Any] = super().extract_headers(request)
        # Set, never added to: a header of that name from outside must not count.
        headers[_PERMISSIONS] = " ".join(request.user.get_all_permissions())
        return headers


class Validator(OAuth2Validator):
    """Checks requests as Majora does."""

    def validate_scopes(
        self, client_id: str, scopes: Any, client: Any, request: Any, *_: Any
    ) -> bool:
        """Return whether the account's permissions cover all scopes asked for."""
        return set(scopes) <= set(request.headers[_PERMISSIONS].split())

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Any, *_: Any
    ) -> bool:
        """Return whether the address is one that was registered, to the letter.

        The toolkit itself lets queries differ, and ports of loopback addresses.
        """
        return redirect_uri in request.client.redirect_uris.split()

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, *_: Any
    ) -> bool:
        """Return whether a code is valid. The account must have a second factor."""
        valid: bool = super().validate_code(client_id, code, client, request)
        if valid and not hasattr(request.user, "second_factor"):
            raise AccessDeniedError(
                "The requesting user has not enabled 2FA", request=request
            )
        return valid
