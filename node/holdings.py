"""What this site's node holds, from the tables and files that are really there."""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from node.ledger import tables as ledger
from node.records.schema import Schema
from node.register import tables as register
from privacy import holding
from privacy.dictionary import Level, Rows, Table
from privacy.holding import Described, Holding

FILE = "holdings.toml"


def tables(schema: Schema) -> tuple[Holding, ...]:
    """Describe every table of the ledger, the register and the records."""
    described, _ = _descriptions()
    names = [*ledger.metadata.tables]
    names += [f"register.{name}" for name in register.metadata.tables]
    own = set(schema.metadata.tables) - set(schema.records)
    names += [f"records.{name}" for name in own]
    records = (_records(table) for table in schema.dictionary.tables.values())
    return (*described.of(names), *sorted(records, key=lambda each: each.name))


def files(home: Path) -> tuple[Holding, ...]:
    """Describe every file below a site's home directory."""
    _, described = _descriptions()
    return described.of(_names(home))


def _names(home: Path) -> Iterable[str]:
    """Yield the names of all files, from the home directory on."""
    for path in home.rglob("*"):
        if not path.is_dir():
            yield path.relative_to(home).as_posix()


def _records(table: Table) -> Holding:
    """Describe a table of the dictionary; its fields are public, its rows are not."""
    whose = "household" if table.level is Level.HOUSEHOLD else "adult"
    many = f"One row for each {whose}"
    if table.rows is not Rows.ONE:
        many = f"Dated rows for each {whose}"
    listed = ", ".join(name.replace("_", " ") for name in table.fields)
    return Holding(
        name=f"records.{table.name}",
        holds=f"{many}, under a random id: {listed}.",
        about="people served; no name, address, case number or alien number",
        kept="with the generation of the records it belongs to",
        readers="the node's account, with the records' key",
    )


def _descriptions() -> tuple[Described, Described]:
    """Read what is said of tables and of files."""
    return holding.parse((resources.files("node") / FILE).read_text("utf-8"))
