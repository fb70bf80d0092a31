"""The figures of issue 2, measured: `python -m bench [name …]` prints one JSON line for each."""
