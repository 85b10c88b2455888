"""The commands of the centre: `cmpp`, noun then verb."""

from coordinator.cli.start import main

__all__ = ["main"]
