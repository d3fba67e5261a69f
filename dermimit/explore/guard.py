"""A server on this machine answers to its owner alone: a token always, and no name but this machine's.

A page of a stranger can make a browser ask 127.0.0.1 under a name of the stranger's (DNS rebinding), and other users of
the machine can ask it too. Jupyter Server loads this module as an extension, `guarded_voila` uses it for Voilà.
"""

from __future__ import annotations

import secrets
from typing import Any

from dermimit.extras import extra

with extra("explore"):
    from jupyter_server.auth.identity import IdentityProvider
    from tornado.httputil import HTTPServerRequest, split_host_and_port
    from tornado.routing import Matcher, Rule
    from tornado.web import Application, HTTPError, RequestHandler

NAMES = ("localhost", "127.0.0.1", "::1")


class Foreign(Matcher):
    """Matches requests for another host than this machine, whatever they ask for."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Nothing for our own names, and for one of them alone."""
        names = [split_host_and_port(host.lower())[0].strip("[]") for host in request.headers.get_list("Host")]
        return None if len(names) == 1 and names[0] in NAMES else {}


class Refused(RequestHandler):
    """Answers that it does not answer."""

    def prepare(self) -> None:
        """Refuse every method, also what would become a websocket."""
        raise HTTPError(403, reason="Open this page as localhost, through a tunnel from another device")


def guard(application: Application, provider: IdentityProvider) -> None:
    """Refuse foreign names before any handler is looked for, and make a token where there is none.

    Args:
        application: of tornado; its static files are guarded too.
        provider: of the server's users.
    """
    application.default_router.rules.insert(0, Rule(Foreign(), Refused))
    if not provider.token:
        provider.token = secrets.token_hex(24)
        provider.token_generated = True


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """As Jupyter Server asks of an extension."""
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: Any) -> None:
    """As Jupyter Server asks of an extension: called when its own handlers are there."""
    guard(app.web_app, app.identity_provider)
