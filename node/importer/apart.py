"""Keep invented records and real ones apart, before any of them is written.

Every case number of an invented household begins with a mark that no system gives
its cases. A live site takes none of them in; a training site has no way to tell a
real record from a foreign export, so there it is the network that keeps apart.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from node.config import INVENTED
from node.importer.batch import HOUSEHOLD_KEY, HOUSEHOLDS, Batch
from privacy.errors import BadRecords


def apart(batches: Iterable[Batch], *, training: bool) -> Iterator[Batch]:
    """Yield what comes in, unless invented households come to a live site.

    Args:
        batches: What is about to be imported.
        training: Whether this site is one for training.

    Raises:
        BadRecords: invented households came to a live site; nothing was imported.
    """
    for batch in batches:
        if not training and batch.table == HOUSEHOLDS and _invented(batch.rows):
            raise BadRecords(
                "These records are invented, for training, and this is a live site, so "
                "nothing was imported; import them at a site made with `cmpp-node init "
                "--training`."
            )
        yield batch


def _invented(rows: pa.RecordBatch) -> bool:
    """Tell whether any household bears the mark."""
    if HOUSEHOLD_KEY not in rows.schema.names:
        return False
    marked = pc.starts_with(pc.utf8_upper(rows.column(HOUSEHOLD_KEY)), pattern=INVENTED)
    return bool(pc.any(marked).as_py())
