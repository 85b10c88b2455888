"""The CMPP population as invented records: for training, tests and demonstrations.

Nothing here describes anybody. Chance comes from a stream that its seed decides,
so the same arguments give the same bytes everywhere; it is never used for noise.
"""

from node.synthetic.dirt import Planted
from node.synthetic.export import write_layout
from node.synthetic.folder import write, write_folder
from node.synthetic.organisation_months import months
from node.synthetic.population import generate

__all__ = ["Planted", "generate", "months", "write", "write_folder", "write_layout"]
