"""Facts of a small log: one mandate, two sites, an answer and a refusal."""

import datetime as dt
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.transparency import Kind

NETWORK = "cmpp"
NOW = dt.datetime(2026, 11, 22, 8, 0, tzinfo=dt.UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
MANDATE = "0a" * 32


def query(site: str, ask: str, **changes: Any) -> tuple[Kind, dict[str, Any]]:
    body = {
        "site": site,
        "metric": "M08",
        "query": "enrolled",
        "period": "FY2024",
        "asked_by": "Ada",
        "purpose": "oversight",
        "mandate": MANDATE,
        "rho": "0.005",
        "ask": ask,
    }
    return Kind.QUERY, body | changes


def answer(site: str, ask: str, **changes: Any) -> tuple[Kind, dict[str, Any]]:
    body = {
        "site": site,
        "ask": ask,
        "answer": "cd" * 32,
        "model_pico_rho": "5000000000",
        "worst_pico_rho": "5000000000",
    }
    return Kind.ANSWER, body | changes


def refusal(site: str, ask: str) -> tuple[Kind, dict[str, Any]]:
    return Kind.REFUSAL, {"site": site, "ask": ask, "code": "not-allowed"}


FACTS = (
    (Kind.MANDATE, {"digest": MANDATE, "number": "2026-03", "title": "Half-year"}),
    query("NYC", "01" * 32),
    query("HOU", "02" * 32),
    answer("NYC", "01" * 32),
    refusal("HOU", "02" * 32),
    (Kind.PUBLICATION, {"digest": "ef" * 32, "metric": "M08", "period": "FY2024"}),
)
