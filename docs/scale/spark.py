#!/usr/bin/env python3
"""Reads captures in parallel into a table of flat rows, partitioned by site and day, each content once.

    spark-submit spark.py s3a://captures/SITE/*.pcapng s3a://tables/connections

The site is the name of the folder that a capture is in. `ssmscope` is found by PATH on each worker; SSMSCOPE names another.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys

import pyarrow
from pyspark.sql import SparkSession, functions
from pyspark.sql.types import StructType

COLUMNS = pathlib.Path(__file__).parent / "columns.sql"
PROGRAM = os.environ.get("SSMSCOPE", "ssmscope")
ARROW = {"BIGINT": pyarrow.int64(), "BOOLEAN": pyarrow.bool_(), "STRING": pyarrow.string()}


def columns():
    """The row's columns with their types, as published."""
    lines = [line.strip().rstrip(",") for line in COLUMNS.read_text().splitlines() if line.startswith("    ")]
    return [tuple(line.split()) for line in lines]


def rows_of(content, path):
    """The rows of one capture. A pipe has neither name nor digest: both are added here."""
    read = subprocess.run([PROGRAM, "read", "-o", "flat", "-"], input=content, capture_output=True, check=False)
    if read.returncode not in (0, 1, 2, 3):
        raise RuntimeError(f"{path}: {read.stderr.decode(errors='replace')}")
    digest = hashlib.sha256(content).hexdigest()
    for line in read.stdout.splitlines():
        yield {**json.loads(line), "source": path, "sha256": digest}


def analyse(schema):
    def batches(files):
        for batch in files:
            for file in batch.to_pylist():
                site = pathlib.PurePosixPath(file["path"]).parent.name
                rows = [{**row, "site": site} for row in rows_of(file["content"], file["path"])]
                if rows:
                    yield pyarrow.RecordBatch.from_pylist(rows, schema=schema)

    return batches


def main(captures, table):
    spark = SparkSession.builder.appName("ssmscope").getOrCreate()
    # A capture is read by one task; with this, one batch holds few of them.
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "16")
    ddl = ", ".join(f"{name} {kind}" for name, kind in columns()) + ", site STRING"
    schema = pyarrow.schema([(name, ARROW[kind]) for name, kind in columns()] + [("site", pyarrow.string())])
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(captures)
    rows = files.select("path", "content").mapInArrow(analyse(schema), StructType.fromDDL(ddl))
    rows = rows.where("error IS NULL").dropDuplicates(["sha256", "id"])
    day = functions.coalesce(
        functions.date_format(functions.timestamp_micros("started_us"), "yyyy-MM-dd"), functions.lit("unknown")
    )
    rows = rows.withColumn("day", day)
    try:
        known = spark.read.parquet(table).select("sha256").distinct()
        rows = rows.join(known, "sha256", "left_anti")
    except Exception as error:  # There is no table yet.
        print(f"a new table: {type(error).__name__}", file=sys.stderr)
    rows.write.mode("append").partitionBy("site", "day").parquet(table)
    for row in spark.read.parquet(table).groupBy("verdict").count().orderBy("verdict").collect():
        print(row["verdict"], row["count"], sep="\t")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
