"""Let `python -m coordinator` do what `cmpp` does."""

from coordinator.cli import main

if __name__ == "__main__":
    main()
