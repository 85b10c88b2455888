"""Plant words in records, in place of every key and of many values."""

import hashlib
from pathlib import Path

from node.synthetic import write_folder
from privacy.dictionary import Kind
from tests import own_records
from tests.own_records import PROGRAMME, Row

SPOILED = {"screening", "service_event", "legal_event", "obligation_event", "follow_up"}


class Planter:
    """Put a word of its own in place of every key and of many values."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._rows = 0
        self._keys: dict[str, str] = {}
        self.words: set[str] = set()

    def change(self, table: str, row: Row) -> Row:
        for column in ("household_key", "person_key"):
            if column in row:
                row[column] = self._key(row[column])
        self._rows += 1
        if table in SPOILED and self._rows % 3 == 0:
            fields = PROGRAMME.dictionary.table(table).fields.values()
            kinds = (Kind.CODE, Kind.DAY, Kind.INTEGER, Kind.FLAG)
            wanted = kinds[self._rows // 3 % len(kinds)]
            names = [f.name for f in fields if f.kind is wanted and row.get(f.name)]
            for name in names[:1]:
                row[name] = self._word()
        return row

    def _key(self, plain: str) -> str:
        if plain not in self._keys:
            self._keys[plain] = self._word()
        return self._keys[plain]

    def _word(self) -> str:
        seed = f"{self._site} {len(self.words)}".encode()
        word = f"Kq{hashlib.sha256(seed).hexdigest()[:14]}W"
        self.words.add(word)
        return word


def plant(folder: Path, site: str, *, scale: float, seed: int = 11) -> set[str]:
    """Write a site's invented records with words planted; return the words."""
    plain = folder / f"{site}-plain"
    write_folder(
        plain, dictionary=PROGRAMME.dictionary, site=site, seed=seed, scale=scale
    )
    planter = Planter(site)
    own_records.rewrite(plain, folder / site, planter.change)
    return planter.words
