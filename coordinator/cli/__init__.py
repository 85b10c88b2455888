"""The commands of the centre: `cmpp`, noun then verb."""

from coordinator.cli.app import main

__all__ = ["main"]
