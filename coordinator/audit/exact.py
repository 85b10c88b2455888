"""Judge results that no site was asked for: they must cost nothing and be exact."""

from coordinator import exact
from coordinator.audit.asking import Traffic
from coordinator.audit.papers import Papers
from coordinator.audit.report import Report
from coordinator.exact import Books
from coordinator.figures import PublicFigures
from coordinator.result import Result
from privacy.catalogue import EstimatorKind
from privacy.errors import Corrupt
from privacy.period import Period


def check(
    published: Result,
    papers: Papers,
    traffic: Traffic,
    report: Report,
    *,
    published_at: int,
) -> None:
    """Judge one such result; the loss that was charged is worked out again.

    Public money rests on what the sites publish about themselves, which is in no
    answer of theirs and so not in the pack: the report says so.

    Raises:
        Corrupt: it claims a loss or an interval, or another loss than was charged.
    """
    if any(outcome.rho for outcome in published.sites):
        raise Corrupt("no site was asked for it, and it says that one lost something.")
    if any(each.estimate.low != each.estimate.high for each in published.cells):
        raise Corrupt("it is exact, and has an interval.")
    programme = papers.programme(published.version)
    metric = programme.metric(published.metric)
    if metric.estimator.kind is not EstimatorKind.LEDGER:
        report.notes.append(
            f"{published.metric} for {published.period} is public money: it rests on "
            "no answer of a site, and was not worked out again."
        )
        return
    before = {key for key, at in traffic.answered_at.items() if at < published_at}
    books = Books(
        programme=programme,
        confidence=published.confidence,
        sites=tuple(outcome.site for outcome in published.sites),
        figures=PublicFigures(),
        asks=[question.ask for question in traffic.questions.values()],
        answers=[answer for key, answer in traffic.answers.items() if key in before],
        mandates={digest: m.number for digest, m in papers.mandates.items()},
    )
    due = exact.publish(metric, Period(published.period), books)
    if due.cells != published.cells:
        raise Corrupt("the signed answers were charged another loss than it says.")
