"""Print a request card: what accepting would mean, in words and whole numbers."""

from node.cli.home import SHOW
from node.policy.card import Card, Cost, Question
from node.policy.reading import Change, Reading
from privacy import consequence
from privacy.law import Law
from privacy.query import Mode


def show_mandate(card: Card, law: Law) -> None:
    """Print what a mandate would open."""
    _title(f"Mandate {card.number}: {card.title}")
    _warn(card)
    _head("Why")
    for why in card.why:
        _item(why)
    _head("Questions")
    for question in card.questions:
        _question(question)
    _head("What leaves")
    _item(
        "this site's own numbers, each with noise of its own"
        if card.mode is Mode.SITE
        else "masked numbers, of which only the sum over all sites opens"
    )
    _public(card)
    _head("Cost")
    for cost in card.costs:
        _item(_cost(cost))
    _head("What one family's presence could change")
    delta = law.policy.delta if law.policy else consequence.DELTA
    meant = consequence.of(card.rho, delta)
    _item(f"{meant.sentence()} (Epsilon {meant.epsilon:f}, all of it used.)")
    if card.worst_rho > card.rho:
        worst = consequence.of(card.worst_rho, delta)
        _item(
            "If every other site were in league with the coordinator, 10 of 100 could "
            f"become {worst.from_10:f} (epsilon {worst.epsilon:f})."
        )
    _head("Answered before, and free")
    for nearest in card.nearest or ("nothing about these metrics",):
        _item(nearest)
    _head("Signed by")
    for name in card.signers:
        _item(name)
    _head("Holds")
    _item(f"from {card.not_before} to {card.not_after}")
    _item(f"at the sites {', '.join(card.sites)}, about {', '.join(card.periods)}")
    if card.revision:
        _item(f"as correction {card.revision}: a new answer, at a new charge")
    _end(card.number, card.days_left, card.digest)


def show_edition(edition: Reading) -> None:
    """Print what an edition would change."""
    _title(f"Edition {edition.number}: programme {edition.version}")
    if edition.first:
        SHOW.print("This site has accepted no edition before; read all of it.")
    if edition.dictionary:
        SHOW.print("Tables, fields or code lists change: have whoever imports look.")
    _head("Metrics")
    for change in edition.changes:
        _change(change)
    if not edition.changes:
        _item("none is new, changed or gone")
    _head("Signed by")
    for name in edition.signers:
        _item(name)
    _end(str(edition.number), edition.days_left, edition.digest)


def _warn(card: Card) -> None:
    """Say first what an officer might overlook."""
    if not card.known:
        SHOW.print(
            "Its definitions are not accepted at this site; decide the edition first."
        )
    if card.unknown:
        SHOW.print(
            "It names metrics that its programme does not answer in this mode: "
            f"{', '.join(card.unknown)}."
        )
    if card.unplanned:
        SHOW.print(
            "No analysis plan fixed this before its draws, so it is not answered: "
            f"{', '.join(card.unplanned)}."
        )
    outside = sorted({q.metric for q in card.questions if not q.permitted})
    if outside:
        SHOW.print(
            f"The policy does not permit {', '.join(outside)}; accepting this changes "
            "nothing about that."
        )


def _public(card: Card) -> None:
    """Print which exact numbers accepting makes public, if any."""
    if not card.public:
        return
    _head("What becomes public WITHOUT noise")
    for public in card.public:
        _item(public)
    _more(
        "Whoever knows a family was on the list can count with these numbers; what "
        "became of each family stays behind noise. Compare them with the public "
        "record of draws before you accept."
    )


def _question(question: Question) -> None:
    """Print one question."""
    _item(f"{question.metric}: {question.text}")
    _more(f"Counted: {question.who}.")
    _more(f"Finest: {question.finest}.")
    within = ", ".join(f"{period} ± {off}" for period, off in question.within.items())
    _more(f"Each number is very likely this close to the true one: {within}.")
    if question.answered:
        free = ", ".join(question.answered)
        _more(f"Answered already, so asking again is free: {free}.")


def _cost(cost: Cost) -> str:
    """Say what a mandate may take of one account."""
    return (
        f"may use up to {cost.uses} of {cost.account}'s {cost.of} questions of this "
        f"size; {cost.used} are used, and it leaves {cost.leaves}"
    )


def _change(change: Change) -> None:
    """Print one metric that is new, changed or gone."""
    if change.before is None:
        _item(f"{change.metric}, {change.name}: new")
        _more(f"It says: {change.after}")
    elif change.after is None:
        _item(f"{change.metric}, {change.name}: gone")
        _more(f"It said: {change.before}")
    elif change.same_words:
        _item(f"{change.metric}, {change.name}: asked differently in the same words")
        _more(f"It says: {change.after}")
    else:
        _item(f"{change.metric}, {change.name}: changed")
        _more(f"It said: {change.before}")
        _more(f"It says: {change.after}")


def _end(number: str, days_left: int, digest: str) -> None:
    """Say how to decide, and until when."""
    SHOW.print(f"\nLapses in {days_left} days. Digest {digest}.", highlight=False)
    SHOW.print(
        f"`cmpp-node inbox accept {number} --key ...`, or `cmpp-node inbox decline "
        f"{number} --key ... --reason ...`",
        highlight=False,
    )


def _title(text: str) -> None:
    SHOW.print(f"[bold]{text}[/bold]", highlight=False)


def _head(text: str) -> None:
    SHOW.print(f"\n[bold]{text}[/bold]", highlight=False)


def _item(text: str) -> None:
    SHOW.print(f"- {text}", highlight=False, markup=False)


def _more(text: str) -> None:
    SHOW.print(f"  {text}", highlight=False, markup=False)
