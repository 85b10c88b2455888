"""A site's register beside records on each engine in turn."""

from tests.node.records.conftest import site, sqlite_site

__all__ = ["site", "sqlite_site"]
