"""Many callers at once do not end a node."""

import threading
from collections.abc import Callable

import pytest

from privacy.errors import ExchangeError
from tests.end_to_end.exchange import Centre, NodeProcess

HANDSHAKES, THREADS = 12_000, 12


@pytest.mark.soak
def test_thousands_of_handshakes_at_once_do_not_end_a_node(
    new_site: Callable[..., NodeProcess], centre: Centre
) -> None:
    # A certificate configuration handed over anew at every handshake ended the
    # process with a segmentation fault after some 4,000 of them, or at once when
    # clients were waiting for its start.
    site = new_site("BAL")
    site.start()
    heard: list[bool] = []

    def knock() -> None:
        for _ in range(HANDSHAKES // THREADS):
            try:
                with centre.client(site, call_seconds=10) as client:
                    heard.append(client.describe().site == "BAL")
            except ExchangeError:
                heard.append(False)

    threads = [threading.Thread(target=knock) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(heard) > 0.99 * HANDSHAKES
    site.kill()
