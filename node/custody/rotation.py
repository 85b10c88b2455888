"""Give the records, or the key map, a new key.

    both keys are kept -> everything is sealed again, file by file -> the old key goes

While two keys are kept, each file opens with one of them, so a process that dies at
any step leaves everything readable; the same command then goes on where it was. A
serving node reads the key when it opens a generation, and so never notices.
"""

import secrets
from pathlib import Path

from node.importer.keys import KeyStore
from node.records import rekey
from node.records.connect import Kind, Place, generations
from node.records.store import RecordStore
from node.secret import KEY_BYTES, Secret
from privacy.errors import BadConfiguration, NotAllowed

_FRESH = ".new"


def rotate_records(store: RecordStore) -> int:
    """Seal every generation under a new key; return how many there are.

    Raises:
        NotAllowed: a legal hold lasts.
        BadConfiguration: the store is not encrypted, the key is a credential that
            holds one key only, or the disk refused; run it again.
        Busy: an import or closing is running.
    """
    place = store.place
    if place.kind is not Kind.DUCKDB or place.key is None:
        raise BadConfiguration(
            f"Records in {place.kind.value} are not encrypted by this program, so they "
            "have no key to change; change the disk's or the database's."
        )
    _check_hold(store)
    with store.locked():
        _prepare(place.key)
        names = generations(place)
        for name in names:
            _seal_again(place, place.file(name))
        _drop_old(place.key)
    return len(names)


def rotate_key_map(store: RecordStore, keys: KeyStore) -> None:
    """Seal the key map under a new key.

    Raises:
        NotAllowed, BadConfiguration, Busy: see `rotate_records`.
    """
    _check_hold(store)
    with store.locked():
        held = keys.load()
        _prepare(keys.key)
        keys.settle(held)


def must_drop(key: Secret) -> bool:
    """Tell whether the operator must still remove an old key, because we cannot."""
    return not key.changeable and len(key.read()) > 1


def _check_hold(store: RecordStore) -> None:
    """Destroy no key while counsel wants everything kept."""
    if store.held:
        raise NotAllowed(
            "A legal hold lasts, and a new key would destroy the old one; change it "
            "when counsel has ended the hold."
        )


def _prepare(key: Secret) -> None:
    """Keep a new key beside the old one, unless two are there already."""
    known = key.read()
    if len(known) > 1:
        return
    if not key.changeable:
        raise BadConfiguration(
            f"The key of the {key.opens} is a systemd credential, which this program "
            "cannot change; put a new line of 64 hexadecimal digits above the old one "
            "in it, start the node again, and repeat this command."
        )
    key.put([secrets.token_bytes(KEY_BYTES), *known])


def _drop_old(key: Secret) -> None:
    """Destroy the old key, where this program can."""
    newest, *older = key.read()
    if older and key.changeable:
        key.put([newest])


def _seal_again(place: Place, file: Path) -> None:
    """Copy one generation to a file under the newest key, and swap it in."""
    if place.key is None:
        return
    newest, *older = place.key.read()
    fresh = file.with_name(file.name + _FRESH)
    for path in (fresh, Path(f"{fresh}.wal")):
        path.unlink(missing_ok=True)
    if older and not rekey.is_under(place, file, newest):
        rekey.copy(place, file, fresh, old=older[0], new=newest)
        rekey.swap(fresh, file)
