"""The commands of a site: `cmpp-node`, noun then verb."""

from node.cli.app import main

__all__ = ["main"]
