#!/usr/bin/env python3
"""Counts verdicts by day and server, of flat rows that `ssmscope batch -o flat` wrote.

    ssmscope batch -o flat --into rows /var/captures
    duckdb.py rows/*.flat.jsonl

Rows go into one database file beside them, each (sha256, id) once, however often this runs.
"""
import pathlib
import sys

# The script has the engine's name, and Python looks for modules beside it first.
sys.path.pop(0)
import duckdb  # noqa: E402

COLUMNS = pathlib.Path(__file__).parent / "columns.sql"


def main(paths):
    database = duckdb.connect("connections.duckdb")
    ddl = COLUMNS.read_text()
    database.execute(ddl.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    names = [line.split()[0] for line in ddl.splitlines() if line.startswith("    ")]
    types = {line.split()[0]: line.split()[1].rstrip(",") for line in ddl.splitlines() if line.startswith("    ")}
    database.execute(
        f"""INSERT INTO connections SELECT {", ".join(names)}
            FROM read_json($paths, format = 'newline_delimited', columns = {types})
            WHERE error IS NULL AND NOT EXISTS (
                SELECT 1 FROM connections AS known WHERE known.sha256 = read_json.sha256 AND known.id = read_json.id)
            QUALIFY row_number() OVER (PARTITION BY sha256, id) = 1""",
        {"paths": paths},
    )
    query = """SELECT strftime(make_timestamp(started_us), '%Y-%m-%d') AS day, server_ip, server_port, verdict, count(*)
               FROM connections GROUP BY ALL ORDER BY ALL"""
    for row in database.execute(query).fetchall():
        print(*row, sep="\t")


if __name__ == "__main__":
    main(sys.argv[1:])
