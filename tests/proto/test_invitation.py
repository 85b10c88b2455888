"""Check that an invitation survives being mailed, and nothing less than whole."""

from dataclasses import replace
from pathlib import Path

import pytest

from privacy.errors import BadConfiguration
from proto.canonical import Malformed
from proto.invitation import Invitation, read_join
from tests import doors
from tests import signed_samples as samples


@pytest.fixture(scope="module")
def invitation(tmp_path_factory: pytest.TempPathFactory) -> Invitation:
    folder: Path = tmp_path_factory.mktemp("centre")
    centre = doors.Centre(folder)
    return centre.authority.invite("NYC", address="centre.test:7444", now=doors.now())


def test_an_invitation_is_one_line_and_is_read_back(invitation: Invitation) -> None:
    text = invitation.text()
    assert "\n" not in text
    assert invitation == Invitation.from_text(text)


def test_an_invitation_survives_the_line_breaks_of_mail(
    invitation: Invitation,
) -> None:
    text = invitation.text()
    broken = "\n ".join(text[at : at + 60] for at in range(0, len(text), 60))
    assert invitation == Invitation.from_text(f"  {broken}\n")


def test_a_cut_or_changed_invitation_is_not_read(invitation: Invitation) -> None:
    text = invitation.text()
    for wrong in (text[:-4], text[5:], "", "hello", text + "A" * 9000, text + "é"):
        with pytest.raises(BadConfiguration):
            Invitation.from_text(wrong)


def test_an_invitation_does_not_print_its_token(invitation: Invitation) -> None:
    assert repr(invitation.token) not in repr(invitation)


def test_what_a_site_joins_with_is_read_back_and_shows_that_it_holds_its_key() -> None:
    said = doors.joining(bytes(range(32)), b"a request")
    assert read_join(doors.join_bytes(said)) == said
    assert repr(said.token) not in repr(said)
    for wrong in (
        doors.join_bytes(said, signer="eve"),
        doors.join_bytes(replace(said, statement_key=samples.public("eve"))),
        doors.join_bytes(said)[:-1],
    ):
        with pytest.raises(Malformed):
            read_join(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": bytes(31)},
        {"signing_request": b""},
        {"signing_request": bytes(4097)},
        {"statement_key": bytes(31)},
        {"masking_key": bytes(33)},
    ],
)
def test_a_site_joins_with_parts_of_the_right_size(wrong: dict[str, bytes]) -> None:
    with pytest.raises(Malformed):
        replace(doors.joining(bytes(32), b"a request"), **wrong)
