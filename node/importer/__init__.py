"""From a folder of CSV files, shaped like the dictionary, to a new generation.

The site's own case and person numbers stop here: the record store only ever
holds random ids, and only this package knows which is which.
"""

from node.importer.generation import import_folder, import_rows
from node.importer.keys import KeyStore
from node.importer.report import Report

__all__ = ["KeyStore", "Report", "import_folder", "import_rows"]
