"""Django's settings for one sandbox, and its start."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from ocarina_kit.client.scopes import PURPOSES

SCOPES = {
    scope: f"Can {scope.partition('.')[2].replace('_', ' ', 1)}"
    for purpose in PURPOSES
    for scope in purpose.scope.split()
}
"""Scope to description.

Majora's permissions are its OAuth scopes. Here are all that a purpose of the client
needs.
"""

LIFETIME = 36_000
"""Seconds for which an access token is valid."""
FIELDS = (
    "name",
    "client_id",
    "client_secret",
    "client_type",
    "authorization_grant_type",
    "redirect_uris",
)
"""The six fields of Majora's form for an application."""


def make_ready(folder: Path, *, port: int, tls: bool) -> Any:
    """Set Django up in this process, once, with its database in a folder.

    Returns:
        Django's request handler.
    """
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.core.management import call_command

    settings.configure(**_settings(folder, port=port, tls=tls))
    django.setup(set_prefix=False)
    call_command(
        "migrate", run_syncdb=True, verbosity=0, interactive=False, skip_checks=True
    )
    return WSGIHandler()


def _settings(folder: Path, *, port: int, tls: bool) -> dict[str, Any]:
    apps = [f"django.contrib.{name}" for name in ("contenttypes", "auth", "sessions")]
    # Templates of the first one are found first.
    apps += ["ocarina_kit.sandbox.majora2", "oauth2_provider"]
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "[::1]"],
        "INSTALLED_APPS": apps,
        # Tables straight from the models: the history of migrations takes seconds, and
        # ends in the same place.
        "MIGRATION_MODULES": dict.fromkeys(app.rpartition(".")[2] for app in apps),
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        "ROOT_URLCONF": "ocarina_kit.sandbox.majora2.pages",
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.contrib.auth.context_processors.auth"
                    ]
                },
            }
        ],
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "majora.sqlite3",
                "OPTIONS": {
                    "init_command": "PRAGMA journal_mode=MEMORY;"
                    " PRAGMA synchronous=OFF;"
                },
            }
        },
        # Django's own takes a third of a second for a log-in; these accounts exist for
        # minutes, on loopback.
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "USE_I18N": False,
        "LOGIN_URL": "/account/login/",
        "LOGIN_REDIRECT_URL": "/",
        # Cookies know no port: two sandboxes in one browser must not log each other
        # out.
        "SESSION_COOKIE_NAME": f"sandbox{port}_session",
        "CSRF_COOKIE_NAME": f"sandbox{port}_csrf",
        "LOGGING_CONFIG": None,
        "OAUTH2_PROVIDER": {
            "OAUTH2_VALIDATOR_CLASS": "ocarina_kit.sandbox.majora2.oauth.Validator",
            "OAUTH2_BACKEND_CLASS": "ocarina_kit.sandbox.majora2.oauth.Backend",
            "SCOPES": SCOPES,
            "DEFAULT_SCOPES": [],
            # Majora accepts only https; http is for the sandbox's loopback address.
            "ALLOWED_REDIRECT_URI_SCHEMES": ["https"] if tls else ["https", "http"],
            "REQUEST_APPROVAL_PROMPT": "auto",
            "PKCE_REQUIRED": False,
            # By default as in Majora: 60 s for a code, LIFETIME for an access token,
            # a new refresh token each time.
        },
    }
