"""Editions: the programme as the Board signed it, and what a new one changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy import catalogue, edition, strict
from privacy.edition import Changes
from privacy.errors import BadSignature, InvalidProgramme
from privacy.signing import Document, Kind
from tests.programme_samples import shipped, with_metric
from tests.signed_samples import mandate, text


def test_the_shipped_texts_make_the_shipped_programme() -> None:
    made = edition.draft(shipped(), network="cmpp", number=1)
    found = edition.parse(made)
    assert found.programme == catalogue.load()
    assert (found.network, found.number, found.digest) == ("cmpp", 1, made.digest)


def test_a_text_is_carried_to_the_letter() -> None:
    files = shipped()
    files["programme"] += '# "quotes" \\ tabs\t, é and \U0001f600\n'
    carried = strict.load_toml(
        edition.draft(files, network="cmpp", number=1).content.decode()
    )
    assert carried["files"] == files


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_quoted_so_that_it_reads_back(said: str) -> None:
    assert strict.load_toml(f"a = {strict.quoted(said)}\n") == {"a": said}


def test_a_new_metric_only_adds() -> None:
    new = edition.parse(edition.draft(with_metric(shipped()), network="n", number=2))
    found = edition.changes(catalogue.load(), new.programme)
    assert found == Changes(added=("M99",), changed=(), removed=(), dictionary=False)
    assert found.only_adds
    assert new.programme.version != catalogue.load().version
    assert not edition.changes(new.programme, catalogue.load()).only_adds


def test_a_changed_definition_is_named() -> None:
    files = shipped()
    name = catalogue.load().metric("M08").name
    files = {n: t.replace(f'"{name}"', f'"{name}, anew"') for n, t in files.items()}
    new = edition.parse(edition.draft(files, network="n", number=2))
    found = edition.changes(catalogue.load(), new.programme)
    assert (found.changed, found.added, found.removed) == (("M08",), (), ())
    assert not found.only_adds


@pytest.mark.parametrize(
    ("old", "new"),
    [("open from its first day", "open after its first day"), ("trafficking_f", None)],
)
def test_what_every_definition_stands_on_is_named_too(old: str, new: str) -> None:
    files = shipped()
    text = files["programme"]
    assert old in text
    cut = text[: text.rindex("[[never_by_site]]")]
    files["programme"] = text.replace(old, new) if new else cut
    found = edition.changes(catalogue.load(), catalogue.parse(files))
    assert (found.added, found.changed, found.removed) == ((), (), ())
    assert found.dictionary
    assert not found.only_adds


def test_a_changed_dictionary_is_named() -> None:
    files = shipped()
    files["dictionary"] = files["dictionary"].replace('version = "', 'version = "9', 1)
    new = edition.parse(edition.draft(files, network="n", number=2))
    found = edition.changes(catalogue.load(), new.programme)
    assert found.dictionary
    assert not found.only_adds


def changed(old: str, new: str) -> Document:
    content = edition.draft(shipped(), network="cmpp", number=1).content.decode()
    assert content.count(old) >= 1
    return text(Kind.EDITION, [content.replace(old, new, 1)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("number = 1\n", "number = 0\n"),
        ("number = 1\n", "number = true\n"),
        ("number = 1\n", "number = 1\nspare = 2\n"),
        ('network = "cmpp"', "network = 1"),
        ('"dictionary" = ', '"dictionnaire" = '),
        ("[files]", "files = 1\n[other]"),
        ('"reach.toml" = "', '"reach.toml" = "oops '),
    ],
)
def test_what_is_no_edition_is_refused(old: str, new: str) -> None:
    with pytest.raises(InvalidProgramme):
        edition.parse(changed(old, new))


def test_an_edition_of_too_many_files_is_refused() -> None:
    many = {f"file{n}.toml": "# nothing" for n in range(edition.FILES_MAX)}
    with pytest.raises(InvalidProgramme, match="at most 64 files"):
        edition.draft(shipped() | many, network="cmpp", number=1)


def test_another_kind_of_document_is_no_edition() -> None:
    with pytest.raises(BadSignature):
        edition.parse(mandate())


@pytest.mark.parametrize("hidden", ["\x1b[2K", "\u202e", "\u200b", "\u2028"])
def test_letters_that_do_not_show_are_refused(hidden: str) -> None:
    files = shipped()
    files["programme"] += f"# {hidden}\n"
    with pytest.raises(InvalidProgramme, match="do not show"):
        edition.draft(files, network="cmpp", number=1)
