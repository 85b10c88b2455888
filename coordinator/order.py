"""What the Board wants to know, and the distinct questions that takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from privacy import definition, mechanism, public_arms, sensitivity
from privacy.catalogue import Metric, Programme
from privacy.errors import InvalidQuery
from privacy.mandate import Mandate
from privacy.mechanism import Mechanism
from privacy.period import Period
from privacy.query import Mode, Query, cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One metric for one period, with the loss of each of its queries.

    Attributes:
        revision: 0; a mandate raises it for a correction.
        public: Queries that are not asked, because the mandate makes what they
            would tell public.
    """

    metric: Metric
    period: Period
    rho: Mapping[str, Fraction]
    revision: int = 0
    public: frozenset[str] = frozenset()

    def queries(self, programme: Programme) -> dict[str, Query]:
        """Return the queries that are asked, by name.

        Raises:
            InvalidQuery: the metric is not published for that length of period.
        """
        made = programme.queries(self.metric, self.period, self.revision)
        return {name: query for name, query in made.items() if name not in self.public}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One query, at a loss, under the name its metric gives it."""

    metric: str
    name: str
    period: Period
    query: Query
    rho: Fraction
    programme: Programme

    @property
    def key(self) -> bytes:
        """The identity of its one answer, 32 bytes."""
        return self.query.release_key(Mode.SITE)

    @property
    def size(self) -> int:
        """How many public cells it has."""
        return len(cells(self.query, self.programme.dictionary))

    def noise(self, rho: Fraction) -> Mechanism:
        """Return the least noise with which a site may answer at a loss of rho."""
        moved = sensitivity.of(self.query, self.programme.dictionary)
        return mechanism.calibrate(l2_squared=moved.l2_squared, rho=rho, size=self.size)


def named(order: Order, programme: Programme) -> dict[str, Question]:
    """Return the questions of one order, by the names of its queries.

    Raises:
        InvalidQuery: the order gives a query no loss, or a loss to no query.
    """
    queries = order.queries(programme)
    if not queries or set(queries) != set(order.rho):
        raise InvalidQuery(
            f"{order.metric.id} has the queries {', '.join(queries) or 'none'}; "
            "give each of them a loss, and nothing else."
        )
    return {
        name: Question(
            metric=order.metric.id,
            name=name,
            period=order.period,
            query=query,
            rho=order.rho[name],
            programme=programme,
        )
        for name, query in queries.items()
    }


def under(wanted: Order, mandate: Mandate) -> Order:
    """Return an order as a mandate opens it: its revision, and what it need not ask."""
    known = public_arms.figures(
        mandate.public_arms, sites=mandate.sites, period=wanted.period
    )
    exact = bool(known) and wanted.metric.preregistered
    public = definition.arms(wanted.metric) if exact else frozenset()
    return replace(
        wanted,
        revision=mandate.revision,
        public=public,
        rho={name: rho for name, rho in wanted.rho.items() if name not in public},
    )


def distinct(orders: Sequence[Order], programme: Programme) -> tuple[Question, ...]:
    """Return the questions of some orders, each release key once.

    Two metrics that read the same query share its one answer; it is asked at
    the larger of the two losses.
    """
    found: dict[bytes, Question] = {}
    for order in orders:
        for question in named(order, programme).values():
            known = found.get(question.key)
            if known is None or known.rho < question.rho:
                found[question.key] = question
    return tuple(found.values())
