"""Exports as sites have them, with invented personal values, spoilt by chance."""

import csv
import io
import random
import sqlite3
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

PEOPLE = 25
STRAY = 0.04

Table = list[list[str]]
Export = dict[str, Table]


def planted(chance: random.Random) -> list[str]:
    """Return values of ranges that belong to nobody."""
    number = chance.randrange(1000)
    return [
        f"A000000{number:03}",
        f"000-{chance.randrange(10, 99)}-{chance.randrange(1000, 9999)}",
        f"+1 202 555 01{chance.randrange(10, 99)}",
        f"nobody.{number:03}@example.org",
        f"{chance.randrange(1, 9999)} Nowhere Street",
        f"{chance.randrange(1955, 2004)}-0{chance.randrange(1, 9)}-17",
        f"29.7{chance.randrange(1000, 9999)}, -95.3{chance.randrange(1000, 9999)}",
    ]


def export(chance: random.Random) -> tuple[Export, set[str]]:
    """Make a plausible export and the personal values in it."""
    secret: set[str] = set()
    intake = [["Case", "Person", "Type", "Adults", "Sex", "DOB", "Country", "Entry"]]
    intake[0] += ["SSN", "Contact", "Notes"]
    exits = [["Person", "Entry", "Exit", "Reason", "Remarks"]]
    for n in range(PEOPLE):
        values = planted(chance)
        secret.update(values)
        number, ssn, phone, mail, street, birth, place = values
        entry = f"2024-0{chance.randrange(1, 9)}-1{chance.randrange(9)}"
        notes = f"met at {street}, {place}; see {number}\nand write to {mail}"
        intake.append(
            [
                *(f"case {n // 2}", f"person {n}", chance.choice(["Single", "Family"])),
                *("1", chance.choice("FM"), birth, "Honduras", entry),
                *(ssn, phone, notes),
            ]
        )
        reason = chance.choice(["Done", "Moved"])
        if chance.random() < STRAY:
            reason = chance.choice([number, mail, phone, notes])
        exits.append([f"person {n}", entry, "2024-11-02", reason, notes])
    return {"Intake": intake, "Exits": exits}, secret


def odd_cells(tables: Export, chance: random.Random) -> None:
    """Spoil some cells, rows and headers."""
    for _ in range(chance.randrange(6)):
        table = chance.choice(list(tables.values()))
        row = chance.randrange(len(table))
        if chance.random() < 0.4:
            odd_row(table, row, chance)
            continue
        cells = table[row]
        match chance.randrange(3):
            case 0 if cells:
                cells[chance.randrange(len(cells))] = chance.choice(ODD)
            case 1:
                cells.append(chance.choice(ODD))
            case 2 if cells:
                cells.pop()


def odd_row(table: Table, row: int, chance: random.Random) -> None:
    """Add, repeat, drop or turn round a row."""
    match chance.randrange(6):
        case 0:
            table.insert(row, [])
        case 1:
            table.insert(row, list(table[chance.randrange(len(table))]))
        case 2:
            chance.shuffle(table[0])
        case 3:
            table.append(["Grand Total", "7"])
        case 4:
            table.insert(0, ["Report of the month"])
        case 5:
            del table[row]


ODD = ["", " ", "NULL", '"', "'", "\r", "x" * 5_000, "=1+1", "#REF!", "ñ", "\u202e"]
ODD += ["1e999", "-0", "99999999999999999999", "0000-00-00", "2024-02-30", "🏠", ","]


def as_csv(table: Table, chance: random.Random) -> bytes:
    """Write a table as text in some dialect."""
    file = io.StringIO()
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    end = chance.choice(["\n", "\r\n"])
    csv.writer(
        file, delimiter=chance.choice(",;\t|"), quoting=quoting, lineterminator=end
    ).writerows(table)
    encoding = chance.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
    return file.getvalue().encode(encoding, "replace")


def as_xlsx(tables: Export) -> bytes:
    """Write tables as the sheets of a workbook."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, table in tables.items():
        sheet = book.create_sheet(name)
        for row in table:
            sheet.append([cell.replace("\u202e", "") for cell in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def packed(members: dict[str, bytes]) -> bytes:
    """Zip some files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def rectangular(table: Table) -> dict[str, list[str | None]]:
    """Return a table by columns, as formats with a fixed width need it."""
    names = list(dict.fromkeys(name for name in table[0] if name)) or ["none"]
    return {
        name: [row[n] if n < len(row) else None for row in table[1:]]
        for n, name in enumerate(names)
    }


def as_parquet(table: Table) -> bytes:
    """Write a table as Parquet."""
    file = io.BytesIO()
    pq.write_table(pa.table(rectangular(table)), file)
    return file.getvalue()


def as_sqlite(tables: Export, path: Path) -> None:
    """Write tables into a database."""
    with sqlite3.connect(path) as made:
        for name, table in tables.items():
            columns = rectangular(table)
            names = ", ".join(
                '"' + each.replace('"', "") + f'{n}"' if '"' in each else f'"{each}"'
                for n, each in enumerate(columns)
            )
            made.execute(f"CREATE TABLE {name} ({names})")
            marks = ", ".join("?" * len(columns))
            rows = zip(*columns.values(), strict=True)
            made.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    made.close()


def spoilt(data: bytes, chance: random.Random) -> bytes:
    """Damage bytes the way disks, programs and people do."""
    held = bytearray(data)
    for _ in range(chance.choice([0, 0, 0, 1, 1, 4])):
        if not held:
            break
        at = chance.randrange(len(held))
        match chance.randrange(7):
            case 0:
                held[at] ^= 1 << chance.randrange(8)
            case 1:
                held[at : at + chance.randrange(1, 9)] = chance.randbytes(4)
            case 2:
                del held[at:]
            case 3:
                del held[at : at + chance.randrange(1, 200)]
            case 4:
                held[at:at] = held[max(0, at - 200) : at]
            case 5:
                held[at:at] = chance.choice([b"\0", b'"', b"\n", b"\xff\xfe", b","])
            case 6:
                held[at : at + 4] = b"\xff\xff\xff\x7f"
    return bytes(held)


def spoilt_inside(data: bytes, chance: random.Random) -> bytes:
    """Damage one member of a zip and pack it again, so that it is reached."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(list(members))
    match chance.randrange(5):
        case 0:
            del members[name]
        case 1:
            members[chance.choice(["../x.csv", "/x.csv", "x.csv", "a\\b.csv"])] = b"a"
        case _:
            members[name] = spoilt(members[name], chance)
    return packed(members)


def written(tables: Export, folder: Path, chance: random.Random) -> str:
    """Write an export in some format, damage it, and return where it is."""
    folder.mkdir(parents=True)
    inside = chance.random() < 0.5
    kind = chance.choice(["csv", "csv", "zip", "xlsx", "xlsx", "parquet", "sqlite"])
    if kind in ("csv", "parquet"):
        for name, table in tables.items():
            data = as_csv(table, chance) if kind == "csv" else as_parquet(table)
            (folder / f"{name}.{kind}").write_bytes(spoilt(data, chance))
        return str(folder)
    path = folder / f"export.{kind}"
    if kind == "sqlite":
        as_sqlite(tables, path)
        path.write_bytes(spoilt(path.read_bytes(), chance))
        return f"sqlite:///{path}"
    if kind == "zip":
        files = {f"{name}.csv": as_csv(held, chance) for name, held in tables.items()}
        data = packed(files)
    else:
        data = as_xlsx(tables)
    path.write_bytes((spoilt_inside if inside else spoilt)(data, chance))
    return str(path)
