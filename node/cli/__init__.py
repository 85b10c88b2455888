"""The commands of a site: `cmpp-node`, noun then verb."""

from node.cli.start import main

__all__ = ["main"]
