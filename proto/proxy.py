"""Find the proxy through which an outside address is reached, if there is one."""

from __future__ import annotations

import re
import urllib.request
from typing import Final

from privacy.errors import BadConfiguration

PROXY_URL: Final = (
    r"^http://([^\s@/?#]{1,256}@)?[A-Za-z0-9.:\[\]-]{1,253}:[0-9]{1,5}/?$"
)
"""The one form of a proxy's address, as a setting must have it."""

_URL = re.compile(PROXY_URL, re.ASCII)


def proxy_for(address: str, *, setting: str | None = None) -> str | None:
    """Return the address of the proxy to go through, or None for none.

    A setting comes first, then ``https_proxy`` of the environment. What ``no_proxy``
    lists is reached directly. The peer's certificate is checked end to end either
    way: a proxy passes bytes on and sees none of them in the clear.

    Args:
        address: What is to be reached, ``host:port``.
        setting: The proxy from our own settings, ``http://host:port``.

    Raises:
        BadConfiguration: The proxy's address is not of that form.
    """
    if urllib.request.proxy_bypass(address):
        return None
    found = setting or urllib.request.getproxies().get("https")
    if not found:
        return None
    url = found if "://" in found else f"http://{found}"
    if not _URL.fullmatch(url):
        # It is not repeated: it may hold a password.
        raise BadConfiguration(
            "The proxy's address is not of the form http://host:port; correct "
            "proxy_url in node.toml, or https_proxy in the environment."
        )
    return url.rstrip("/")
