"""The cost of privacy, as ratios measured in one run.

`make bench` does all of it, at 10,000 and 1,000,000 households;
`python bench/run.py 10000` does less.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import answering, fanning, governing


def main() -> None:
    """Run every bench and print what they find."""
    sizes = tuple(int(word) for word in sys.argv[1:]) or (10_000, 1_000_000)
    print("Node's answer / the same exact SQL without privacy (goal 1.3 at 1,000,000)")
    answering.main(sizes)
    print("\nFive-site question / (echoes + slowest exact SQL) (goal 2 at 10,000)")
    fanning.main(min(sizes))
    print("\nMandate, signatures, witnesses and log on one question (goal 1.3)")
    governing.main(min(sizes))


if __name__ == "__main__":
    main()
