"""A node's answer against the same exact SQL without privacy, on the same records."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.site import NOW, PROGRAMME, Site, ask_for, natural_sql
from privacy.period import Period

RUNS = 9
ASKED = (("M01", "FY2024"), ("M08", "FY2024"), ("M09", "FY2024"), ("M29", "FY2024"))


def median_seconds(run: Callable[[], object]) -> float:
    """Return the median time of a few runs, after one to warm up."""
    run()
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def compare(site: Site, metric: str, period: Period) -> str:
    """Time an answer, its read alone, and the natural SQL; check they agree."""
    name, query = next(
        iter(PROGRAMME.queries(PROGRAMME.metric(metric), period).items())
    )
    ask = ask_for(site.name, metric, period, name)
    sql = natural_sql(metric, period)
    exact = sorted(row[1] for row in site.run_sql(sql))
    ours = sorted(value for value in site.exact(query).exact() if value)
    if exact != ours:
        raise SystemExit(f"{metric}: the natural SQL and the tally differ")
    nodes = iter([site.node() for _ in range(RUNS + 1)])
    answer = median_seconds(lambda: next(nodes).answer(ask, now=NOW))
    read = median_seconds(lambda: site.exact(query))
    plain = median_seconds(lambda: site.run_sql(sql))
    return (
        f"{metric} {period}: answer {answer * 1e3:8.1f} ms, its statement "
        f"{read * 1e3:8.1f} ms, exact SQL {plain * 1e3:8.1f} ms; "
        f"answer / exact SQL = {answer / plain:.2f}, "
        f"statement / exact SQL = {read / plain:.2f}"
    )


def main(sizes: tuple[int, ...]) -> None:
    """Print the ratios at each number of households."""
    for households in sizes:
        with tempfile.TemporaryDirectory() as folder:
            site = Site(Path(folder), households=households)
            print(f"\n{households:,} households (built in {site.built_seconds:.0f} s)")
            for metric, label in ASKED:
                print("  " + compare(site, metric, Period(label)))
            site.close()
