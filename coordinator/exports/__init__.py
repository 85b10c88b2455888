"""Published values as files: CSV, XLSX, Parquet and JSON, with the same numbers."""
