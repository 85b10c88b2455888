"""The story of one synthetic site, told household by household."""

import decimal

from node.synthetic import (
    dirt,
    intake,
    journey,
    legal,
    lottery,
    monitoring,
    needs,
    obligations,
    odds,
    parameters,
    people,
    screenings,
    services,
)
from node.synthetic.dirt import Planted, Spoiler
from node.synthetic.parameters import Parameters
from node.synthetic.row import Rows
from node.synthetic.site import Site
from node.synthetic.stream import Stream
from privacy import catalogue


def generate(
    *,
    site: str,
    seed: int,
    scale: float = 1.0,
    preset: str = "default",
    shocks: bool = False,
    planted: Planted | None = None,
) -> Rows:
    """Yield a site's invented records, table and row, household by household.

    A household's row comes before its adults' rows, and those before any other.
    The same arguments give the same rows on every machine. With `shocks` the
    site is shaken from outside; with `planted` the rows are spoilt as an export
    spoils them, and what was planted is written down there.

    Units:  scale multiplies the number of households and of places.
    Raises: InvalidProgramme, when there is no such site or preset.
    """
    told = parameters.load(name=site, preset=preset, shocks=shocks)
    place = parameters.scaled(told, scale)
    with decimal.localcontext(odds.ARITHMETIC):
        cases = list(intake.cases(place, told.intake, seed=seed))
        drawn = lottery.draw(place, told.draws, cases, seed=seed)
    pairs = (
        (case.index, _household(told, place, case, drawn.get(case.index), seed))
        for case in cases
    )
    if planted is None:
        return (row for _, rows in pairs for row in rows)
    dictionary = catalogue.load().dictionary
    dirt.check(told.dirt, dictionary)
    spoiler = Spoiler(
        told.dirt,
        dictionary,
        planted,
        stream=lambda index: Stream(seed, place.name, "dirt", index),
        canaries=dirt.canaries_of(len(cases)),
    )
    return (row for index, rows in pairs for row in spoiler.spoil(rows, index=index))


def _household(
    told: Parameters,
    place: Site,
    case: intake.Case,
    draw: lottery.Draw | None,
    seed: int,
) -> Rows:
    """Yield one household's rows in every table."""

    def stream(purpose: str) -> Stream:
        return Stream(seed, place.name, purpose, case.index)

    way = journey.travel(told.offers, case, draw, stream=stream("journey"))
    household = people.make(told.people, place, case, stream=stream("household"))
    yield from people.rows(
        told.people,
        case,
        household,
        consent_follow_up=way.consent_follow_up,
        stream=stream("people"),
    )
    yield from journey.pool_rows(case, household, way, draw)
    yield from journey.follow_up_rows(household, way)
    yield from journey.enrolment_rows(case, household, way)
    spells = stream("monitoring")
    yield from monitoring.rows(told.monitoring, case, household, way, spells)
    story = legal.tell(
        told.legal, told.effect, case, household, way, stream=stream("legal")
    )
    if story is not None:
        yield from legal.rows(household, way, story)
        duties = stream("obligations")
        yield from obligations.rows(told.obligations, household, way, story, duties)
    if way.enrolled:
        yield from services.rows(told.services, household, way, stream("services"))
        yield from needs.rows(told.needs, household, way, stream("needs"))
        screened = stream("screenings")
        yield from screenings.rows(told.screenings, household, way, screened)
