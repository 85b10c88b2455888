"""Check that an invitation survives being mailed, and nothing less than whole."""

from pathlib import Path

import pytest

from privacy.errors import BadConfiguration
from proto.invitation import Invitation
from tests import doors


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
