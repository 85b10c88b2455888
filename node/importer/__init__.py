"""From a site's export to a new generation of its records.

The site's own case and person numbers stop here: the record store only ever
holds random ids, and only this package knows which is which.
"""

from node.importer.bring import Bringing, import_folder, import_source
from node.importer.findings import Findings
from node.importer.generation import Site, import_rows, replace, undo
from node.importer.keys import KeyStore
from node.importer.report import Report, latest, show

__all__ = [
    "Bringing",
    "Findings",
    "KeyStore",
    "Report",
    "Site",
    "import_folder",
    "import_rows",
    "import_source",
    "latest",
    "replace",
    "show",
    "undo",
]
