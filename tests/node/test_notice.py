"""What the people whom a site serves are told: true, short and plain."""

import datetime as dt
import html.parser
import re
from dataclasses import replace
from fractions import Fraction

import pytest

from node import notice
from node.notice import LANGUAGES, Facts
from privacy import consequence, loss
from privacy.accounts import Accounts, Spend
from privacy.amount import Amount
from privacy.chain import Event, Kind, place
from privacy.errors import NotAllowed
from privacy.law import Law
from privacy.mandate import Purpose
from privacy.period import Period
from tests import signed_samples as samples
from tests.signed_samples import NOW

WORDS_MOST = 235
SENTENCE_MOST = 32


def law(**changes: str) -> Law:
    """Return the law of a site that accepted one mandate."""
    site = samples.agreed()
    mandate = samples.mandate(**changes)
    site.enact(Kind.MANDATE, mandate)
    site.accept(mandate)
    return site.law


def spent(rho: str) -> Accounts:
    """Return accounts after one charge."""
    pico = loss.pico(Fraction(rho))
    charge = Spend(
        entry_years=(Period("FY2024"),),
        anchor=None,
        periods=(Period("FY2024-H2"),),
        amount=Amount(pico, pico),
        mandate="ab" * 32,
    )
    return Accounts().after_charge(charge)


def released(*days: str) -> list[object]:
    """Return the ledger entries of releases on some days."""
    return [
        place(
            Event(kind=Kind.RELEASE, at=f"{day}T10:00:00+00:00"),
            sequence=1,
            previous_hash="0" * 64,
        )
        for day in days
    ]


def facts(**changes: object) -> Facts:
    """Return the figures of a site that answered three questions."""
    entries = released("2026-05-03", "2026-05-04", "2026-11-01")
    made = Facts.of(law(), entries, spent("0.02"), now=NOW)
    return replace(made, **changes)


def test_the_figures_are_those_of_the_ledger() -> None:
    made = facts()
    assert (made.answered, made.since) == (3, dt.date(2026, 5, 3))
    assert made.purposes == (Purpose.OVERSIGHT,)
    assert made.own_numbers
    exact = consequence.of(Fraction("0.02")).from_10
    assert exact <= made.now_of_100 < exact + 1
    cap = consequence.of(Fraction("0.5")).from_10
    assert cap <= made.ever_of_100 < cap + 1


def test_before_any_answer_nothing_was_learned() -> None:
    made = Facts.of(law(), [], Accounts(), now=NOW)
    assert (made.answered, made.since, made.now_of_100) == (0, None, 10)
    assert "no question" in notice.text(made, "en")
    assert "ninguna pregunta" in notice.text(made, "es")


def test_without_a_policy_there_is_nothing_to_tell() -> None:
    with pytest.raises(NotAllowed, match="no policy in force"):
        Facts.of(Law(site="NYC"), [], Accounts(), now=NOW)


def test_a_mandate_that_ended_gives_no_reason_to_ask() -> None:
    later = NOW + dt.timedelta(days=300)
    made = Facts.of(law(), [], Accounts(), now=later)
    assert made.purposes == ()
    assert "nobody may ask anything" in notice.text(made, "en")
    assert "nadie puede preguntar" in notice.text(made, "es")


def test_where_numbers_are_masked_nothing_is_said_of_this_office_alone() -> None:
    made = Facts.of(law(mode='"sum"'), [], Accounts(), now=NOW)
    assert not made.own_numbers
    assert "this office alone" not in notice.text(made, "en")
    assert "oficina sola" not in notice.text(made, "es")
    assert "this office alone" in notice.text(facts(), "en")
    assert "oficina sola" in notice.text(facts(), "es")


def test_in_sum_mode_the_larger_column_is_told() -> None:
    site = samples.agreed()
    text = site.law.policy
    assert text is not None
    wide = replace(text.caps, lifetime=Amount(10**11, 9 * 10**11))
    rules = replace(law(mode='"sum"'), policy=replace(text, caps=wide))
    made = Facts.of(rules, [], Accounts(), now=NOW)
    assert made.ever_of_100 >= consequence.of(Fraction("0.9")).from_10
    alone = Facts.of(replace(law(), policy=rules.policy), [], Accounts(), now=NOW)
    assert alone.ever_of_100 < made.ever_of_100


def test_a_site_that_paused_says_so() -> None:
    made = Facts.of(replace(law(), paused=True), [], Accounts(), now=NOW)
    assert "answers no questions at this time" in notice.text(made, "en")
    assert "no responde ninguna pregunta" in notice.text(made, "es")


def test_after_a_reopening_everything_counts_as_spent() -> None:
    rules = law()
    assert rules.policy is not None
    full = Accounts().after_reopening(rules.policy.caps, through="FY2027", mandates={})
    made = Facts.of(rules, [], full, now=NOW)
    assert made.now_of_100 == made.ever_of_100


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("answered", [0, 1, 3])
def test_every_figure_is_in_the_text(language: str, answered: int) -> None:
    since = dt.date(2026, 5, 3) if answered else None
    text = notice.text(facts(answered=answered, since=since), language)
    assert "NYC" in text
    assert str(facts().ever_of_100) in text
    if answered:
        assert str(answered) in text
        assert str(facts().now_of_100) in text
        assert {"en": "May 3, 2026", "es": "3 de mayo de 2026"}[language] in text


def test_one_question_is_one_question() -> None:
    one = facts(answered=1)
    assert "1 question." in notice.text(one, "en")
    assert "1 pregunta." in notice.text(one, "es")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_purpose_has_plain_words(language: str) -> None:
    plain = facts(purposes=())
    for purpose in Purpose:
        text = notice.text(replace(plain, purposes=(purpose,)), language)
        assert text != notice.text(plain, language)
        assert purpose.value not in text or "-" not in purpose.value


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_is_short_and_its_sentences_too(language: str) -> None:
    text = notice.text(facts(), language)
    assert len(text.split()) <= WORDS_MOST
    sentences = re.split(r"[.?!:]\s", text)
    longest = max(sentences, key=lambda sentence: len(sentence.split()))
    assert len(longest.split()) <= SENTENCE_MOST, longest


def test_english_can_be_read_in_the_sixth_grade() -> None:
    # Flesch and Kincaid 1975: 0.39 words per sentence + 11.8 syllables per word.
    text = notice.text(facts(), "en")
    body = " ".join(part.partition("\n")[2] for part in text.split("\n\n"))
    sentences = [s for s in re.split(r"[.?!]\s", body) if s.strip()]
    words = re.findall(r"[a-zA-Z']+", body)
    syllables = sum(
        max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e\b", "", word.lower()))))
        for word in words
    )
    grade = 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
    assert grade <= 6.5, grade


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notice_promises_nothing_that_is_not_so(language: str) -> None:
    text = notice.text(facts(), language).lower()
    for word in ("anonym", "anónim", "impossible", "imposible", "guarantee", "garant"):
        assert word not in text


class Words(html.parser.HTMLParser):
    """The words of a page, and the addresses it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []
        self.language = ""
        self._skip = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip = tag in {"style", "title"}
        given = dict(attrs)
        self.loads += [v or "" for k, v in given.items() if k in {"src", "href"}]
        if tag == "html":
            self.language = given["lang"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._skip = self._skip and tag not in {"style", "title"}

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.words += data.split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_what_the_text_says_and_loads_nothing(language: str) -> None:
    page = Words()
    page.feed(notice.html(facts(), language))
    assert page.loads == []
    assert page.language == language
    text = notice.text(facts(), language).split()
    assert [w.lower() for w in page.words] == [w.lower() for w in text]
