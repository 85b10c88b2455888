"""Under which headings the commands are listed, and in which order."""

from typing import Any, Final

import typer
from typer.core import TyperGroup
from typing_extensions import override

PANELS: Final = {
    "The first hour": ("init", "doctor", "join", "status"),
    "Records": ("map", "import", "close", "synthesize", "draw", "consent", "purge"),
    "Answering": ("dial", "serve", "renew"),
    "Rules and budgets": (
        "officer",
        "policy",
        "roster",
        "inbox",
        "mandate",
        "budget",
        "ledger",
        "notice",
    ),
    "Keys and backups": ("key", "backup", "restore", "reopen"),
    "Stopping": (
        "pause",
        "resume",
        "hold",
        "lift",
        "holdings",
        "archive",
        "seal",
        "shred",
    ),
}
_ORDER: Final = tuple(name for names in PANELS.values() for name in names)
_PANEL: Final = {name: panel for panel, names in PANELS.items() for name in names}


class Panels(TyperGroup):
    """Lists commands by what somebody came to do, not by the alphabet."""

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands' names in the order of the headings."""
        return sorted(super().list_commands(ctx), key=_ORDER.index)


def arrange(app: typer.Typer) -> None:
    """Put every command under its heading.

    Raises:
        KeyError: a command has none; give it one above.
    """
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        command.rich_help_panel = _PANEL[str(name)]
    for group in app.registered_groups:
        group.rich_help_panel = _PANEL[group.name or ""]
