"""The part that thinks: clocks, causal delivery, CRDT state, the fold. Standard library only; no I/O, clock or
chance.
"""
