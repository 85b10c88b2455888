"""The CMPP population as invented records: for training, tests and demonstrations.

Nothing here describes anybody. Chance comes from a stream that its seed decides,
so the same arguments give the same bytes everywhere; it is never used for noise.
"""

from node.synthetic.folder import write_folder, write_truth
from node.synthetic.population import generate

__all__ = ["generate", "write_folder", "write_truth"]
