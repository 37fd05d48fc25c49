"""The pages that a person sees."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.generic import CreateView, DeleteView, UpdateView
from oauth2_provider.models import get_application_model

from ocarina_kit.sandbox import totp
from ocarina_kit.sandbox.clock import SERVER_CLOCK
from ocarina_kit.sandbox.majora.forms import ApplicationForm, CodeForm, PasswordForm
from ocarina_kit.sandbox.majora.models import LegacyKey, SecondFactor
from ocarina_kit.sandbox.majora.options import OPTIONS

_HALF_WAY = "second_factor_for"


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """What this is, the links, and for ``ocarina-kit sandbox`` the second factor's code in place of a phone."""
    now = SERVER_CLOCK.time()
    codes = []
    if OPTIONS.shows_codes:
        codes = [
            (factor.user.get_username(), totp.code_at(factor.secret, now))
            for factor in SecondFactor.objects.select_related("user").order_by("pk")
        ]
    return render(
        request, "majora/start.html", {"codes": codes, "seconds_left": totp.STEP - int(now) % totp.STEP}
    )


@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """User and password; then, where the account has one, the second factor: one address, as in Majora."""
    target = _target(request)
    user = _half_way(request)
    if request.method == "GET" or "cancel" in request.POST:
        request.session.pop(_HALF_WAY, None)
        return _login_page(request, PasswordForm(), target)
    if user is not None and "code" in request.POST:
        code_form = CodeForm(request.POST, secret=user.second_factor.secret)
        if not code_form.is_valid():
            return _login_page(request, code_form, target)
        login(request, user)
        return HttpResponseRedirect(target)
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return _login_page(request, form, target)
    if hasattr(form.user, "second_factor"):
        request.session[_HALF_WAY] = form.user.pk
        return _login_page(request, CodeForm(secret=form.user.second_factor.secret), target)
    login(request, form.user)
    return HttpResponseRedirect(target)


def _login_page(request: HttpRequest, form: Any, target: str) -> HttpResponse:
    return render(request, "majora/login.html", {"form": form, "next": target})


def _half_way(request: HttpRequest) -> Any:
    """The person who gave the right password and whose second factor is awaited."""
    key = request.session.get(_HALF_WAY)
    if key is None:
        return None
    return get_user_model().objects.filter(pk=key, is_active=True, second_factor__isnull=False).first()


def _target(request: HttpRequest) -> str:
    asked = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure()):
        return asked
    return resolve_url("/")


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("start")


@login_required
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Where the browser ends: the whole address in a box, code and state apart, each with its Copy button."""
    if not hasattr(request.user, "second_factor"):
        return render(request, "majora/second_factor_required.html", status=403)
    return render(
        request,
        "majora/callback.html",
        {
            "address": request.build_absolute_uri(),
            "code": request.GET.get("code"),
            "state": request.GET.get("state"),
            "error": request.GET.get("error"),
        },
    )


class RegisterApplication(LoginRequiredMixin, CreateView):
    form_class = ApplicationForm
    template_name = "majora/register.html"

    def get_initial(self) -> dict[str, Any]:
        from oauth2_provider.generators import generate_client_id, generate_client_secret

        # Given here too: the model's own defaults would differ between the page shown and the form sent.
        return {"client_id": generate_client_id(), "client_secret": generate_client_secret()}

    def form_valid(self, form: Any) -> HttpResponse:
        form.instance.user = self.request.user
        form.instance.hash_client_secret = False  # as Majora has it
        response: HttpResponse = super().form_valid(form)
        return response

    def get_success_url(self) -> str:
        return reverse("oauth2_provider:detail", args=[self.object.pk])


class EditApplication(LoginRequiredMixin, UpdateView):
    form_class = ApplicationForm
    template_name = "majora/register.html"

    def get_queryset(self) -> Any:
        return get_application_model().objects.filter(user=self.request.user)

    def get_success_url(self) -> str:
        return reverse("oauth2_provider:detail", args=[self.object.pk])


class DeleteApplication(LoginRequiredMixin, DeleteView):
    template_name = "majora/delete.html"
    success_url = reverse_lazy("oauth2_provider:list")

    def get_queryset(self) -> Any:
        return get_application_model().objects.filter(user=self.request.user)


@login_required
@require_GET
def applications(request: HttpRequest) -> HttpResponse:
    mine = get_application_model().objects.filter(user=request.user).order_by("pk")
    return render(request, "majora/applications.html", {"applications": mine})


@login_required
@require_GET
def application(request: HttpRequest, pk: int) -> HttpResponse:
    mine = get_application_model().objects.filter(user=request.user, pk=pk).first()
    if mine is None:
        return render(request, "majora/not_found.html", status=404)
    return render(request, "majora/application.html", {"application": mine})


@login_required
@require_http_methods(["GET", "POST"])
def legacy_keys(request: HttpRequest) -> HttpResponse:
    """The legacy API keys, newest first; POST makes a new one, which lives three days."""
    if request.method == "POST":
        LegacyKey.issue(request.user)
        return redirect("keys")
    return render(request, "majora/keys.html", {"keys": request.user.legacy_keys.order_by("-pk")})
