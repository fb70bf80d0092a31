"""The declarative tables of programs: what each one does, told by its subcommand, flags and operands.

One TOML file per family. `docs/runbook-authors.md` describes the fields.
"""
