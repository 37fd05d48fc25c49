"""The pages that a person sees, beside those of Django and the toolkit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import include, path, re_path
from oauth2_provider import views
from oauth2_provider.models import Application

from ocarina_kit.sandbox import totp
from ocarina_kit.sandbox.majora2 import api
from ocarina_kit.sandbox.majora2.models import LegacyKey, SecondFactor
from ocarina_kit.sandbox.majora2.settings import FIELDS
from ocarina_kit.sandbox.state import STATE

_HALF_WAY = "second_factor_for"
LABELS = {name: name.replace("_", " ").capitalize() for name in FIELDS}


class CodeForm(forms.Form):
    """Asks for the second factor of a user, who gave the right password."""

    code = forms.CharField(
        label="Token", widget=forms.TextInput(attrs={"autofocus": True})
    )

    def __init__(self, user: Any, data: Any = None) -> None:
        """Take the user, and what was sent."""
        super().__init__(data, label_suffix="")
        self._user = user

    def clean_code(self) -> None:
        """Check the code."""
        if not totp.is_valid(
            self._user.second_factor.secret, self.cleaned_data["code"], STATE.time()
        ):
            raise ValidationError("Entered token is not valid.")

    def get_user(self) -> Any:
        """Return the user, as the form for passwords does."""
        return self._user


class LogIn(LoginView):
    """Asks for user and password, then for the second factor if there is one.

    Both have one address, as in Majora.
    """

    template_name = "majora/login.html"

    def get_form(self, form_class: Any = None) -> Any:
        """Return the form that was sent, or the one to fill in."""
        # The person who gave the right password, and whose second factor is awaited.
        user = User.objects.filter(
            pk=self.request.session.get(_HALF_WAY), is_active=True
        ).first()
        if user is not None and "code" in self.request.POST:
            return CodeForm(user, self.request.POST)
        return AuthenticationForm(
            self.request, self.request.POST or None, label_suffix=""
        )

    def form_valid(self, form: Any) -> HttpResponse:
        """Log the user in, or ask for the second factor."""
        user = form.get_user()
        if isinstance(form, CodeForm) or not hasattr(user, "second_factor"):
            return super().form_valid(form)
        self.request.session[_HALF_WAY] = user.pk
        return self.render_to_response(self.get_context_data(form=CodeForm(user)))


class ApplicationForm(forms.ModelForm):
    """Registers an application."""

    class Meta:
        """The fields of Majora's form."""

        model = Application
        fields = FIELDS
        labels = LABELS
        help_texts = dict.fromkeys(FIELDS, "")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make the form as Majora has it."""
        super().__init__(*args, label_suffix="", **kwargs)
        grants: Any = self.fields["authorization_grant_type"]
        # Majora offers none but "Authorization code".
        grants.choices = grants.choices[:2]
        self.instance.hash_client_secret = False  # as Majora has it


class Register(views.ApplicationRegistration):
    """Registers an application."""

    template_name = "oauth2_provider/application_form.html"

    def get_form_class(self) -> type[ApplicationForm]:
        """Return Majora's form."""
        return ApplicationForm


class Edit(views.ApplicationUpdate):
    """Changes an application."""

    get_form_class = Register.get_form_class


def start(request: HttpRequest) -> HttpResponse:
    """Show what this is, and the links.

    For `ocarina-kit sandbox` the page shows the second factor's code, as a phone would.
    """
    factors = SecondFactor.objects.select_related("user") if STATE.shows_codes else ()
    codes = [
        (factor.user.username, totp.code_at(factor.secret, STATE.time()))
        for factor in factors
    ]
    seconds_left = totp.STEP - int(STATE.time()) % totp.STEP
    return render(
        request, "majora/start.html", {"codes": codes, "seconds_left": seconds_left}
    )


@login_required
def callback(request: HttpRequest) -> HttpResponse:
    """Show the page at which the browser ends.

    It has the complete address in a box, and code and state apart, each with a button
    that copies it.
    """
    if not hasattr(request.user, "second_factor"):
        return render(request, "majora/second_factor_required.html", status=403)
    shown = {name: request.GET.get(name) for name in ("code", "state", "error")}
    return render(
        request,
        "majora/callback.html",
        {**shown, "address": request.build_absolute_uri()},
    )


@login_required
def legacy_keys(request: HttpRequest) -> HttpResponse:
    """List the legacy API keys, the newest first. POST makes a new one."""
    if request.method == "POST":
        LegacyKey.issue(request.user)
        return redirect("keys")
    return render(
        request, "majora/keys.html", {"keys": request.user.legacy_keys.order_by("-pk")}
    )


# The views of the toolkit look these names up. Its other views are left out, as Majora
# has none of them.
_OAUTH = [
    path("applications/", views.ApplicationList.as_view(), name="list"),
    path("applications/register/", Register.as_view(), name="register"),
    path("applications/<int:pk>/", views.ApplicationDetail.as_view(), name="detail"),
    path("applications/<int:pk>/update/", Edit.as_view(), name="update"),
    path(
        "applications/<int:pk>/delete/",
        views.ApplicationDelete.as_view(),
        name="delete",
    ),
    path("authorize/", views.AuthorizationView.as_view(), name="authorize"),
    path("token/", views.TokenView.as_view(), name="token"),
    path("revoke_token/", views.RevokeTokenView.as_view(), name="revoke-token"),
]

urlpatterns = [
    path("", start, name="start"),
    path("account/login/", LogIn.as_view(), name="login"),
    path("account/logout/", LogoutView.as_view(next_page="start"), name="logout"),
    path("keys/list/", legacy_keys, name="keys"),
    path("o/callback/", callback, name="callback"),
    path("o/", include((_OAUTH, "oauth2_provider"))),
    re_path("^api/v2/artifact/biosample/(query/validity|get)/$", api.query),
]
