"""Let `python -m node` do what `cmpp-node` does."""

from node.cli import main

if __name__ == "__main__":
    main()
