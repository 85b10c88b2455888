"""Look at the settings, and at the site's key and certificate."""

from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from node import identity, renewal
from node.config import TRAINING_MARK, NodeConfig
from node.doctor.finding import Finding, State
from privacy.errors import BadConfiguration, ExchangeError
from proto import credentials, mtls

_ANEW = "Ask the coordinator's operator for an invitation and run cmpp-node join."


def settings(config: NodeConfig, home: Path) -> list[Finding]:
    """Say what kind of site this is, and whether it knows the coordinator.

    Args:
        config: The settings.
        home: The site's directory.
    """
    found = [_kind(config, made=(home / TRAINING_MARK).exists())]
    if config.dial is not None:
        where = f"Dials {config.dial.coordinator_address}."
        if config.listen_address is not None:
            where = f"Listens at {config.listen_address}; renews over the other way."
        return [*found, Finding("settings", State.OK, where)]
    return [
        *found,
        Finding(
            "settings",
            State.LOOK,
            "The settings do not say where the coordinator is.",
            "The site has not joined yet, or was invited before there was such a "
            "place.",
            "Join; or write coordinator_address under [dial] in node.toml. Without "
            "it the certificate does not renew itself.",
        ),
    ]


def _kind(config: NodeConfig, *, made: bool) -> Finding:
    """Say whether the site is for training, as it was made and as it is set."""
    if config.training is made:
        kind = "Training: every record is invented." if made else "Live."
        return Finding("site", State.OK, f"{config.site}. {kind}")
    was, now = ("training", "live") if made else ("live", "training")
    return Finding(
        "site",
        State.WRONG,
        f"{config.site} was made as a {was} site and node.toml makes it a {now} one.",
        "`training` in node.toml was changed since; it is for good.",
        "Change it back; for the other kind make a site in another directory.",
    )


def certificate(directory: Path, *, site: str, now: datetime) -> list[Finding]:
    """Look at the site's key and certificate.

    Args:
        directory: Where they are.
        site: The site's short name.
        now: The moment.
    """
    if not (directory / credentials.CERTIFICATE_FILE).exists():
        return [
            Finding(
                "certificate",
                State.LOOK,
                "This site has not joined yet.",
                "There is no certificate.",
                _ANEW,
            )
        ]
    try:
        held, leaf = credentials.load(directory), credentials.certificate(directory)
        revoked = identity.trust(directory, coordinator=mtls.COORDINATOR_URI).revoked
        pair = load_pem_private_key(held.key, password=None).public_key()
    except (ExchangeError, ValueError, OSError) as error:
        said = error.message if isinstance(error, ExchangeError) else "It is damaged."
        return [_wrong(said, "A file is missing, damaged or not private.", _ANEW)]
    if pair != leaf.public_key():
        cause = "Files of two different times were restored together."
        return [_wrong("It is for another key than the one here.", cause, _ANEW)]
    found = [_dates(leaf, now=now), *_renewing(directory)]
    if found[0].state is not State.WRONG:
        try:
            trust = mtls.Trust(
                allowed=frozenset(), authority=held.authority, revoked=revoked
            )
            name = mtls.check_certificate(leaf, trust=trust, now=now)
            if name != mtls.site_uri(site):
                raise BadConfiguration("It is for another site than the settings.")
        except ExchangeError as error:
            cause = "It was revoked here, or is of another authority or site."
            found.insert(0, _wrong(error.message, cause, _ANEW))
    return found


def _dates(leaf: x509.Certificate, *, now: datetime) -> Finding:
    """Look at when it begins and ends."""
    if now < leaf.not_valid_before_utc:
        return _wrong(
            f"It begins only at {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC.",
            "This machine's clock is behind.",
            "Set it by a time service (`timedatectl set-ntp true`).",
        )
    left = leaf.not_valid_after_utc - now
    if left < timedelta(0):
        cause = "Nothing renewed it while it was good, or this clock is ahead."
        return _wrong(f"It expired {-left.days} days ago.", cause, _ANEW)
    days = f"Good for {left.days} more days; its key matches."
    if renewal.mark_passed(leaf, now=now) is not None:
        return Finding(
            "certificate",
            State.LOOK,
            days,
            "It should have been renewed by now.",
            "Run cmpp-node renew; it says what is in the way.",
        )
    return Finding("certificate", State.OK, days)


def _renewing(directory: Path) -> list[Finding]:
    """Look at whether renewing works."""
    failing = renewal.failing(directory)
    if failing is None:
        return []
    return [
        Finding(
            "renewal",
            State.LOOK,
            f"Failing since {failing.since:%Y-%m-%d %H:%M} UTC ({failing.code}).",
            "The lines about the network below say what is in the way.",
            "When they are ok, run cmpp-node renew.",
        )
    ]


def _wrong(found: str, cause: str, fix: str) -> Finding:
    return Finding("certificate", State.WRONG, found, cause, fix)
