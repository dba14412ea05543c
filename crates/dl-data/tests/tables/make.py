"""Writes the Parquet files of the tests: python make.py, with pyarrow 22 or later."""

import datetime
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = range(1000)
start = datetime.date(2024, 1, 1)
table = pa.table(
    {
        "whole": pa.array([i * i - 500 for i in ROWS], pa.int32()),
        "real": pa.array([None if i % 7 == 3 else i / 4 for i in ROWS], pa.float64()),
        "half": pa.array([i / 2 for i in ROWS], pa.float32()),
        "word": pa.array([["eins", "zwei", "drei", "vier"][i % 4] for i in ROWS]).dictionary_encode(),
        "truth": pa.array([i % 3 == 0 for i in ROWS]),
        "day": pa.array([start + datetime.timedelta(days=i) for i in ROWS]),
    }
)
for version in ["1.0", "2.0"]:
    path = pathlib.Path(__file__).parent / f"pyarrow-{version}.parquet"
    pq.write_table(table, path, data_page_version=version, row_group_size=400)
