"""What the people whom the site serves are told, from its real policy and ledger."""

from node.notice.facts import Facts
from node.notice.page import LANGUAGES, html, text

__all__ = ["LANGUAGES", "Facts", "html", "text"]
