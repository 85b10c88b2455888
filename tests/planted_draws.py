"""Plants in what was published of a draw: each with the sentence that finds it."""

from collections.abc import Callable
from dataclasses import replace

from coordinator.audit.pack import Pack
from privacy import draw_papers, signing
from privacy.draw_papers import Step
from privacy.signing import Document
from tests import audit_forger as forger
from tests import draw_samples as sample
from tests.audit_forger import Fact

Plant = Callable[[Pack], Pack]
DRAW = signing.Kind.DRAW.value


def of(pack: Pack, step: Step) -> list[Document]:
    """Return the papers of a step."""
    return [
        paper
        for paper in pack.papers
        if paper.kind is signing.Kind.DRAW
        and draw_papers.step_of(draw_papers.parse(paper)) is step
    ]


def about(paper: Document) -> Fact:
    """Return what the log tells of a paper."""
    parsed = draw_papers.parse(paper)
    return {
        "digest": paper.digest.hex(),
        "draw": draw_papers.draw_of(paper, parsed),
        "name": "NYC-P2-FY2027-Q1-1",
        "step": draw_papers.step_of(parsed).value,
        "document": paper.file().decode(),
    }


def hidden(*steps: Step) -> Plant:
    """Return the plant that leaves papers out of the pack and of the log."""

    def plant(pack: Pack) -> Pack:
        papers = {paper for step in steps for paper in of(pack, step)}
        gone = {paper.digest.hex() for paper in papers}

        def edit(facts: list[Fact]) -> list[Fact]:
            return [fact for fact in facts if fact["body"].get("digest") not in gone]

        left = tuple(paper for paper in pack.papers if paper not in papers)
        return forger.relogged(replace(pack, papers=left), edit)

    return plant


def added(make: Callable[[Pack], Document]) -> Plant:
    """Return the plant that publishes one more paper, last."""

    def plant(pack: Pack) -> Pack:
        paper = make(pack)
        at = forger.json.loads(pack.lines[-1])["at"]
        more = {"kind": DRAW, "at": at, "body": about(paper)}
        whole = replace(pack, papers=(*pack.papers, paper))
        return forger.relogged(whole, lambda facts: [*facts, more])

    return plant


def second_list(_: Pack) -> Document:
    """Commit to another list under the same name."""
    return sample.listed(sample.closed(salt=b"liked better".ljust(32)))


def next_list(_: Pack) -> Document:
    """Publish a draw that the site's ledger does not have."""
    return sample.listed(sample.closed(2))


def second_outcome(pack: Pack) -> Document:
    (listed,) = of(pack, Step.LIST)
    return sample.outcome(listed, bytes(32), bytes(32))


def first_of(step: Step, before: Step) -> Plant:
    """Return the plant that tells of a step before another."""

    def edit(facts: list[Fact]) -> list[Fact]:
        moved = [f for f in facts if f["body"].get("step") == step.value]
        rest = [f for f in facts if f not in moved]
        steps = [fact["body"].get("step") for fact in rest]
        at = steps.index(before.value)
        return [*rest[:at], *moved, *rest[at:]]

    return lambda pack: forger.relogged(pack, edit)


def other_text(pack: Pack) -> Pack:
    """Show another paper in the log than the one its digest names."""
    (outcome,) = of(pack, Step.OUTCOME)
    return forger.told(
        pack, DRAW, lambda body: body.update(document=outcome.file().decode())
    )


def no_paper(pack: Pack) -> Pack:
    """Put a paper that says nothing in the place of the outcome."""
    (outcome,) = of(pack, Step.OUTCOME)
    return forger.replaced_paper(
        pack, outcome, forger.rewritten(outcome, 'step = "outcome"', 'step = "result"')
    )


def rewritten_history(pack: Pack) -> Pack:
    """Drop an entry from before the list: the members signed what they had read."""
    return forger.relogged(pack, lambda facts: [*facts[:-9], *facts[-8:]])


DRAWS: dict[str, tuple[Plant, str]] = {
    "an outcome kept back": (hidden(Step.OUTCOME), "1 papers of draw NYC.* not in the"),
    "a draw nobody heard of": (hidden(*Step), "draw NYC.* never published"),
    "a list left out": (hidden(Step.LIST), "not known here"),
    "a second list for one draw": (added(second_list), "no second commitment"),
    "a second outcome": (added(second_outcome), "nothing is drawn again"),
    "a draw the ledger does not have": (added(next_list), "ledger does not have it"),
    "an outcome before its nonce": (
        first_of(Step.OUTCOME, Step.SHARE),
        "has no nonce yet",
    ),
    "a nonce before its list": (first_of(Step.PLEDGE, Step.LIST), "not known here"),
    "a share before the pledges": (first_of(Step.SHARE, Step.PLEDGE), "pledges first"),
    "a share left out": (hidden(Step.SHARE), "has no nonce yet"),
    "another text in the log": (other_text, "tells something else of it"),
    "a paper that says nothing": (no_paper, "step has 'result'"),
    "a log rewritten before a pledge": (rewritten_history, "names a log that is not"),
}
