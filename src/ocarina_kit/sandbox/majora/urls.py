from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider import views as oauth

from ocarina_kit.sandbox.majora import api, pages

_TOKENS = threading.Lock()


def _one_at_a_time(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The toolkit looks a refresh token up before its transaction begins, so that a race would spend it many times."""

    @csrf_exempt
    def locked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with _TOKENS:
            return view(request, *args, **kwargs)

    return locked


# The names are the toolkit's own, which its views look up.
_OAUTH = [
    path("applications/", pages.applications, name="list"),
    path("applications/register/", pages.RegisterApplication.as_view(), name="register"),
    path("applications/<int:pk>/", pages.application, name="detail"),
    path("applications/<int:pk>/update/", pages.EditApplication.as_view(), name="update"),
    path("applications/<int:pk>/delete/", pages.DeleteApplication.as_view(), name="delete"),
    path(
        "authorize/", oauth.AuthorizationView.as_view(template_name="majora/authorize.html"), name="authorize"
    ),
    path("token/", _one_at_a_time(oauth.TokenView.as_view()), name="token"),
    path("revoke_token/", _one_at_a_time(oauth.RevokeTokenView.as_view()), name="revoke-token"),
]

urlpatterns = [
    path("", pages.start, name="start"),
    path("account/login/", pages.log_in, name="login"),
    path("account/logout/", pages.log_out, name="logout"),
    path("keys/list/", pages.legacy_keys, name="keys"),
    path("o/callback/", pages.callback, name="callback"),
    path("o/", include((_OAUTH, "oauth2_provider"))),
    path("api/v2/artifact/biosample/query/validity/", api.validity),
    path("api/v2/artifact/biosample/get/", api.get_biosample),
]
