"""Invariants: what must be true of every match, judged on its folded state, and what becomes of a breach over time."""
