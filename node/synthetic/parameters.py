"""Everything the synthetic population depends on, read strictly from one file."""

import decimal
import functools
import re
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import Final

from node.synthetic import (
    dirt,
    effect,
    intake,
    journey,
    legal,
    lottery,
    monitoring,
    needs,
    obligations,
    odds,
    organisation,
    people,
    screenings,
    services,
    shock,
    site,
)
from node.synthetic.row import day
from privacy.errors import InvalidProgramme
from privacy.strict import Section, load_toml

_REASON: Final = "decline_reason"
_ANY_SITE: Final = re.compile("S[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """One site's population under one preset."""

    site: site.Site
    intake: intake.Intake
    draws: lottery.Draws
    people: people.People
    offers: journey.Offers
    effect: effect.Effect
    legal: legal.Legal
    obligations: obligations.Obligations
    monitoring: monitoring.Monitoring
    services: services.Services
    needs: needs.Needs
    screenings: screenings.Screenings
    dirt: dirt.Dirt
    organisation: organisation.Running


def text() -> str:
    """Return the parameters file."""
    return (
        resources.files("node.synthetic")
        .joinpath("parameters.toml")
        .read_text(encoding="utf-8")
    )


@functools.cache
def load(*, name: str, preset: str, shocks: bool = False) -> Parameters:
    """Read the parameters of a site under a preset, with or without shocks.

    Raises:
        InvalidProgramme: there is no such site or preset, or a key is unknown.
    """
    root = Section("parameters", load_toml(text()))
    with decimal.localcontext(odds.ARITHMETIC):
        draw, exits = _section(root, "draw"), _section(root, "exits")
        shaken = shock.read(_section(root, "shocks"), odds.weights(draw, _REASON))
        place = _site(root, name, shaken.intake if shocks else ())
        changes = _effect(root, preset)
        rumour = shaken.rumour if shocks else None
        last = day(root, "last_day")
        parameters = Parameters(
            site=place,
            intake=intake.read(_section(root, "intake")),
            draws=lottery.read(draw),
            people=people.read(_section(root, "people")),
            offers=journey.read(draw, exits, last_day=last, rumour=rumour),
            effect=changes,
            legal=legal.read(_section(root, "legal")),
            obligations=obligations.read(_section(root, "obligations"), changes),
            monitoring=monitoring.read(_section(root, "monitoring")),
            services=services.read(_section(root, "services"), site=place),
            needs=needs.read(_section(root, "needs")),
            screenings=screenings.read(_section(root, "screenings")),
            dirt=dirt.read(_section(root, "dirt"), last_day=last),
            organisation=organisation.read(
                _section(root, "organisation"), last_day=last
            ),
        )
    root.done()
    return parameters


def _section(root: Section, key: str) -> Section:
    """Return one section of the file."""
    return Section(key, root.raw(key))


def _site(root: Section, name: str, shocks: tuple[shock.Intake, ...]) -> site.Site:
    """Read a named site, or make one of many."""
    calendar = site.seasons(root, shocks=shocks)
    named = dict(root.sections("sites"))
    template = _section(root, "any_site")
    sigma = odds.number(template, "slots_log_sigma")
    if name in named:
        return site.read(name, named[name], calendar)
    if not _ANY_SITE.fullmatch(name):
        known = ", ".join(named)
        raise InvalidProgramme(
            f"There is no synthetic site {name!r}; use {known}, or S01 to S99."
        )
    made = site.read(name, template, calendar)
    return site.resize(made, site.lognormal_factor(name, sigma))


def _effect(root: Section, preset: str) -> effect.Effect:
    """Read a preset."""
    presets = dict(root.sections("presets"))
    if preset not in presets:
        raise InvalidProgramme(
            f"There is no preset {preset!r}; use {', '.join(presets)}."
        )
    return effect.read(presets[preset])


def scaled(parameters: Parameters, scale: float) -> site.Site:
    """Return the site with its places and people multiplied.

    Raises:
        InvalidProgramme: the scale is not a positive number.
    """
    factor = Decimal(str(scale))
    if not (factor.is_finite() and factor > 0):
        raise InvalidProgramme("The scale must be a positive number, such as 1 or 0.1.")
    with decimal.localcontext(odds.ARITHMETIC):
        return site.resize(parameters.site, factor)
