"""Voilà with a token, for this machine's names: python -m dermimit.explore.guarded_voila NOTEBOOK [Voilà's options]."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from html import escape
from pathlib import Path

from dermimit.explore.guard import guard
from dermimit.extras import extra

with extra("explore"):
    from voila.app import Voila

PAGE = '<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={}">'


class GuardedVoila(Voila):
    """Voilà by itself asks for no token and answers under every name."""

    name = "voila"

    def listen(self) -> None:
        """Listen, guarded."""
        guard(self.app, self.identity_provider)
        super().listen()

    def launch_browser(self) -> None:
        """Open the page through a file that this user alone can read, since other users see the words of a command."""
        address = f"{self.connection_url}?token={self.identity_provider.token}"
        number, name = tempfile.mkstemp(suffix=".html")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(PAGE.format(escape(address, quote=True)))
        webbrowser.open(Path(name).as_uri())


if __name__ == "__main__":
    GuardedVoila.launch_instance()
