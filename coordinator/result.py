"""A result: published values with their intervals, who is in, and what it cost.

Its content holds no time and no name of an asker, so the same releases give the
same bytes, and the digest over them, for ever.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from privacy import loss
from privacy.errors import Corrupt
from privacy.estimate import Estimate

DELTA: Final = Fraction(1, 10**6)
"""The chance at which a loss is shown as epsilon."""

EVERYWHERE: Final = "all"
"""The label of a value that is the total of the sites that answered."""

_DOMAIN = b"cmpp-exchange result v1\x00"


class Status(StrEnum):
    """What became of a question at one site; there is no seventh."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    PENDING = "pending"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOutcome:
    """What one site contributed to a result, or why it did not.

    Attributes:
        site: The site's name.
        status: One of the six.
        reason: For a refusal or an error, its fixed code; else None.
        loss_left: For a spent budget, the rho still left there, exact text.
        loss_asked: For a spent budget, the rho the question costs, exact text.
        rho: The loss of its releases in this result, exact; zero if none.
    """

    site: str
    status: Status
    reason: str | None = None
    loss_left: str | None = None
    loss_asked: str | None = None
    rho: Fraction = Fraction(0)

    def content(self) -> dict[str, Any]:
        """Return the parts that are there, for JSON."""
        parts = {
            "site": self.site,
            "status": self.status.value,
            "reason": self.reason,
            "loss_left": self.loss_left,
            "loss_asked": self.loss_asked,
            "rho": str(self.rho) if self.rho else None,
        }
        return {name: part for name, part in parts.items() if part is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One published value: whose, for which public labels, and how sure."""

    site: str
    labels: tuple[tuple[str, str], ...]
    estimate: Estimate

    def content(self) -> dict[str, Any]:
        """Return the cell for JSON; what a draw left to chance only where it did."""
        parts: dict[str, Any] = {
            "labels": {"site": self.site, **dict(self.labels)},
            "value": self.estimate.value,
            "low": self.estimate.low,
            "high": self.estimate.high,
            "standard_error": self.estimate.standard_error,
        }
        if self.estimate.sampling_error:
            parts["sampling_error"] = self.estimate.sampling_error
        return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything published about one metric in one period.

    Attributes:
        metric: Its number in the catalogue.
        version: The catalogue's version.
        period: The period's label.
        mode: How the sites answered.
        confidence: How often the intervals hold the exact figures.
        cells: The total of the answering sites first, then each site.
        sites: What became of the question at every site on the list.
        note: What a reader must know besides, such as why there are no values.
        figures: The published numbers that values were divided by: whose, which,
            and the number as exact text.
    """

    metric: str
    version: str
    period: str
    mode: str
    confidence: Fraction
    cells: tuple[Cell, ...]
    sites: tuple[SiteOutcome, ...]
    note: str = ""
    figures: tuple[tuple[str, str, str], ...] = ()

    @property
    def answered(self) -> int:
        """How many sites are in the total."""
        return sum(outcome.status is Status.ANSWERED for outcome in self.sites)

    @property
    def rho(self) -> Fraction:
        """The loss of a household at the site where the releases cost most."""
        return max((outcome.rho for outcome in self.sites), default=Fraction(0))

    def content(self) -> dict[str, Any]:
        """Return the result for JSON, with the digest of all the rest."""
        body: dict[str, Any] = {
            "metric": self.metric,
            "version": self.version,
            "period": self.period,
            "mode": self.mode,
            "sites_answered": self.answered,
            "sites_total": len(self.sites),
            "confidence": float(self.confidence),
            "cells": [cell.content() for cell in self.cells],
            "loss": loss_content(self.rho),
            "sites": [outcome.content() for outcome in self.sites],
        }
        if self.note:
            body["note"] = self.note
        if self.figures:
            body["figures"] = [
                {"site": site, "name": name, "value": value}
                for site, name, value in self.figures
            ]
        return {**body, "digest": digest(body)}


def loss_content(rho: Fraction) -> dict[str, float]:
    """Return a loss for JSON.

    In site mode every site adds its full noise, so the loss does not depend on
    who else is honest: the model and the worst case are one number.
    """
    shown = {"rho_model": float(rho), "rho_worst": float(rho)}
    return {**shown, "epsilon": epsilon(rho), "delta": float(DELTA)}


def epsilon(rho: Fraction) -> float:
    """Return a loss as people read it, rounded up; nothing released costs nothing."""
    return loss.epsilon(rho, DELTA) if rho else 0.0


def digest(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a result's content, with its keys in order."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(_DOMAIN + text.encode("ascii")).hexdigest()


def read(content: Mapping[str, Any]) -> Result:
    """Return the result that a kept content stands for.

    Raises:
        Corrupt: the content is not one this version writes.
    """
    try:
        confidence = Fraction(str(content["confidence"]))
        made = Result(
            metric=content["metric"],
            version=content["version"],
            period=content["period"],
            mode=content["mode"],
            confidence=confidence,
            cells=tuple(_cell(each, confidence) for each in content["cells"]),
            sites=tuple(_outcome(each) for each in content["sites"]),
            note=content.get("note", ""),
            figures=tuple(
                (each["site"], each["name"], each["value"])
                for each in content.get("figures", ())
            ),
        )
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise Corrupt(_CHANGED) from error
    if made.content() != content:
        raise Corrupt(_CHANGED)
    return made


_CHANGED = (
    "A kept result does not have its own digest; the store was changed, so restore "
    "it from a copy or ask again, which is free."
)


def _cell(content: Mapping[str, Any], confidence: Fraction) -> Cell:
    """Read one cell."""
    labels = dict(content["labels"])
    site = labels.pop("site")
    numbers = {
        name: content[name] for name in ("value", "low", "high", "standard_error")
    }
    drawn = content.get("sampling_error", 0.0)
    estimate = Estimate(confidence=confidence, sampling_error=drawn, **numbers)
    return Cell(site=site, labels=tuple(labels.items()), estimate=estimate)


def _outcome(content: Mapping[str, Any]) -> SiteOutcome:
    """Read what became of a question at one site."""
    parts = dict(content)
    return SiteOutcome(
        site=parts.pop("site"),
        status=Status(parts.pop("status")),
        rho=Fraction(parts.pop("rho", 0)),
        **parts,
    )
