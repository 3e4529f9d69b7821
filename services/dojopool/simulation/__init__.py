"""Whole Raft groups on a virtual clock, broken by seed: the code that runs in production, a world that is made up.

One seed draws everything: which faults there are, how often, when, and what every node draws. So a run that broke a
rule is repeated by its number, with the same events in the same order.

`world.py` is time, `network.py` and `disk.py` what a node stands on, `process.py` one member that can crash between any
two steps, `nemesis.py` the faults, `clients.py` the load. `invariants.py` judges every step, `oracle.py` and
`linearize.py` what clients saw. `run.py` plays one seed, `shrink.py` makes a failing one small, `campaign.py` plays
many. Left out: the links and their frames, the writer thread and the driver, which are tested on the real ones.
"""
