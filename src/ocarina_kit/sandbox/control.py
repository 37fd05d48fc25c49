"""What a test may do to the server.

These are methods of `handle.Sandbox`, too; they run in the server's process.
"""

from __future__ import annotations

import datetime
import secrets
import time
from typing import Any, Literal

from django.contrib.auth import models as auth
from django.utils import timezone
from oauth2_provider import models as oauth
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauthlib.common import generate_token

from ocarina_kit.sandbox import totp
from ocarina_kit.sandbox.faults import Fault
from ocarina_kit.sandbox.majora2.models import LegacyKey, SecondFactor
from ocarina_kit.sandbox.majora2.settings import FIELDS, LIFETIME, SCOPES
from ocarina_kit.sandbox.records import Application, Seen, User
from ocarina_kit.sandbox.state import STATE

Permissions = list[str] | Literal["all"]


class Control:
    """Changes the server and what it stores."""

    def __init__(self, server: Any) -> None:
        """Control a `web.Server`."""
        self._server = server

    # People

    def add_user(
        self, name: str, *, permissions: Permissions = "all", two_factor: bool = True
    ) -> User:
        """Make an account. Permissions are scope names (`majora2.…`)."""
        user = User(name, secrets.token_urlsafe(12), None)
        auth.User.objects.create_user(name, password=user.password)
        self.set_permissions(user, permissions)
        return self.set_two_factor(user, two_factor)

    def set_permissions(self, user: User, permissions: Permissions) -> None:
        """Set the permissions of an account. Raises ValueError for an unknown one."""
        wanted = set(SCOPES if permissions == "all" else permissions)
        if unknown := sorted(wanted - set(SCOPES)):
            raise ValueError(f"no such permissions: {', '.join(unknown)}")
        names = [scope.partition(".")[2] for scope in wanted]
        _account(user).user_permissions.set(
            auth.Permission.objects.filter(codename__in=names)
        )

    def set_active(self, user: User, active: bool) -> None:
        """Let the user log in, or not."""
        auth.User.objects.filter(username=user.name).update(is_active=active)

    def set_two_factor(self, user: User, enabled: bool) -> User:
        """Turn the second factor off, or on with a new shared secret.

        Returns:
            The account as it is then.
        """
        secret = totp.new_secret() if enabled else None
        SecondFactor.objects.filter(user=_account(user)).delete()
        if secret:
            SecondFactor.objects.create(user=_account(user), secret=secret)
        return User(user.name, user.password, secret)

    def add_legacy_key(self, user: User, *, age: float = 0.0) -> str:
        """Issue a legacy API key that is `age` seconds old; it is valid for 3 days."""
        return str(LegacyKey.issue(_account(user), age).key)

    def revoke_legacy_key(self, key: str) -> None:
        """Let a legacy API key expire now."""
        LegacyKey.objects.filter(key=key).update(ends=timezone.now())

    def add_sample(self, name: str) -> None:
        """Add a biosample, which the queries find from now on."""
        STATE.samples.add(name)

    # Applications and tokens

    def add_application(
        self, user: User, redirect_uri: str | None = None
    ) -> Application:
        """Register a confidential application with the authorization code grant.

        Args:
            user: Whose it is.
            redirect_uri: By default `o/callback/` of this server.
        """
        if redirect_uri is None:
            redirect_uri = f"{self._server.url}o/callback/"
        made = Application(generate_client_id(), generate_client_secret(), redirect_uri)
        oauth.Application.objects.create(
            user=_account(user),
            name=f"{user.name}-ocarina",
            client_id=made.client_id,
            client_secret=made.client_secret,
            hash_client_secret=False,
            client_type="confidential",
            authorization_grant_type="authorization-code",
            redirect_uris=redirect_uri,
        )
        return made

    def remove_application(self, application: Application) -> None:
        """Delete an application, and its tokens with it."""
        oauth.Application.objects.filter(client_id=application.client_id).delete()

    def applications(self, user: User) -> list[dict[str, str]]:
        """List the applications of a user: the six fields of the form."""
        mine = oauth.Application.objects.filter(user=_account(user)).order_by("pk")
        return list(mine.values(*FIELDS))

    def grant(
        self, user: User, application: Application, scope: str, age: float = 0.0
    ) -> dict[str, Any]:
        """Issue a token that is `age` seconds old, in the form that the client stores.

        No browser and no request is needed. `expires_at` is by the clock of this
        machine, as in the client.
        """
        registered = oauth.Application.objects.get(client_id=application.client_id)
        owner = {"user": _account(user), "application": registered}
        expires = timezone.now() + datetime.timedelta(seconds=LIFETIME - age)
        access = oauth.AccessToken.objects.create(
            **owner, token=generate_token(), scope=scope, expires=expires
        )
        refresh = oauth.RefreshToken.objects.create(
            **owner, token=generate_token(), access_token=access
        )
        return {
            "access_token": access.token,
            "expires_in": LIFETIME,
            "token_type": "Bearer",
            "scope": scope.split(" "),
            "refresh_token": refresh.token,
            "expires_at": time.time() + LIFETIME - age,
        }

    def expire_tokens(self) -> None:
        """Let all access tokens expire at the server; refresh tokens stay valid."""
        past = timezone.now() - datetime.timedelta(seconds=1)
        oauth.AccessToken.objects.filter(expires__gt=past).update(expires=past)

    def revoke(self, token: dict[str, Any] | str) -> bool:
        """Make a token invalid, as if another process had spent it.

        Args:
            token: A pair, of which the refresh token is revoked, or one token's text.

        Returns:
            Whether there was anything to revoke.
        """
        text = token if isinstance(token, str) else token["refresh_token"]
        refresh = oauth.RefreshToken.objects.filter(
            token=text, revoked__isnull=True
        ).first()
        if refresh is not None:
            refresh.revoke()
            return True
        return bool(oauth.AccessToken.objects.filter(token=text).delete()[0])

    def token_state(self, token: str) -> str:
        """Return the state of an access or refresh token.

        Returns:
            `live`, `expired`, `dead` (revoked or spent) or `unknown`.
        """
        refresh = oauth.RefreshToken.objects.filter(token=token).order_by("-pk").first()
        if refresh is not None:
            return "live" if refresh.revoked is None else "dead"
        access = oauth.AccessToken.objects.filter(token=token).first()
        if access is None:
            return "unknown"
        return "expired" if access.is_expired() else "live"

    # The server itself

    def configure(self, **options: str) -> None:
        """Change `minimum_client` or `query_scope` of `handle.Sandbox.start`."""
        vars(STATE).update(options)

    def set_offset(self, seconds: float) -> None:
        """Set by how much the server's clock is ahead of this machine's."""
        STATE.offset = seconds

    def add_fault(self, fault: Fault) -> None:
        """Play a fault from now on."""
        self._server.faults.append(fault)

    def clear_faults(self) -> None:
        """End all faults."""
        self._server.faults.clear()

    def seen(self) -> list[Seen]:
        """List the requests since the start or `clear_requests`, the oldest first."""
        return list(self._server.seen)

    def clear_requests(self) -> None:
        """Forget all requests."""
        self._server.seen.clear()


def _account(user: User) -> Any:
    return auth.User.objects.get(username=user.name)
