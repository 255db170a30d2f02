"""The whole fleet in one process on a virtual clock, with faults: the same seed gives the same run.

What runs is the production code of every actor; what is simulated is the ground under it: event loop, clocks, network,
disks, processes and the market. Nothing here knows Ray, and nothing outside imports this package but its command.
"""
