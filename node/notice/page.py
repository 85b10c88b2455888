"""Write the notice in the reader's language, as text or as a page to print.

The sentences are in one template per language; both forms are made from it, so they
cannot say two things.
"""

import datetime as dt
from typing import Final

import jinja2

from node.notice.facts import GUESSED, Facts
from privacy.mandate import Purpose

LANGUAGES: Final = ("en", "es")

_TITLES: Final = {
    "en": "What happens with what I tell you?",
    "es": "¿Qué pasa con lo que les cuento?",
}
_REASONS: Final = {
    "en": {
        Purpose.OVERSIGHT: "to watch over the program",
        Purpose.EVALUATION: "to see if it works",
        Purpose.SERVICE_IMPROVEMENT: "to serve people better",
        Purpose.FUNDING_REPORT: "to report to those who pay for it",
        Purpose.SINGLE_AUDIT: "to check how public money was spent",
    },
    "es": {
        Purpose.OVERSIGHT: "supervisar el programa",
        Purpose.EVALUATION: "ver si funciona",
        Purpose.SERVICE_IMPROVEMENT: "atender mejor a la gente",
        Purpose.FUNDING_REPORT: "informar a quienes lo pagan",
        Purpose.SINGLE_AUDIT: "revisar en qué se gastó el dinero público",
    },
}
_MONTHS: Final = {
    "en": "January February March April May June July August September October "
    "November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre "
    "noviembre diciembre",
}
_DAYS: Final = {"en": "{month} {day}, {year}", "es": "{day} de {month} de {year}"}


def text(facts: Facts, language: str) -> str:
    """Write the notice as plain text.

    Requires: a language of `LANGUAGES`.
    """
    parts = [f"{heading}\n{words}" for heading, words in _sections(facts, language)]
    end = f"{facts.site}, {_day(facts.on, language)}"
    return "\n\n".join([_TITLES[language].upper(), *parts, end, ""])


def html(facts: Facts, language: str) -> str:
    """Write the notice as one page that needs nothing else.

    Requires: a language of `LANGUAGES`.
    """
    return (
        _environment(language)
        .get_template("page.html.j2")
        .render(
            facts=facts,
            language=language,
            title=_TITLES[language],
            sections=_sections(facts, language),
        )
    )


def _sections(facts: Facts, language: str) -> list[tuple[str, str]]:
    """Return the notice's headings, each with its paragraph."""
    written = (
        _environment(language)
        .get_template(f"{language}.txt.j2")
        .render(facts=facts, guessed=GUESSED)
    )
    found = []
    for part in written.split("# ")[1:]:
        heading, _, words = part.partition("\n")
        found.append((heading.strip(), " ".join(words.split())))
    return found


def _environment(language: str) -> jinja2.Environment:
    """Return the templates, with a language's own words for days and reasons."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("node.notice"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
    )
    made.filters["day"] = lambda day: _day(day, language)
    made.filters["reason"] = lambda purpose: _REASONS[language][purpose]
    return made


def _day(day: dt.date, language: str) -> str:
    """Write a day the way the language does."""
    month = _MONTHS[language].split()[day.month - 1]
    return _DAYS[language].format(day=day.day, month=month, year=day.year)
