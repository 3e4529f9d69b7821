"""Conflict-free replicated types, all on one mechanism: see `cell` for the theory, `kind` for the shape of a type."""
