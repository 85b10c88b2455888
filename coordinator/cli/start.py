"""Start a command: what must be set before anything else is loaded."""

import os


def main() -> None:
    """Run one command, in a process whose transport keeps its words to itself."""
    # The transport's own log would mix with ours, and it quotes what peers sent. It
    # reads how much to say when it is loaded, and never again.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from coordinator.cli import app  # noqa: PLC0415

    app.main()
