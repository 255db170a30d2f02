"""Venues that stand on this machine, and what stands between us and them.

What belongs here: simulators that speak a venue's own wire protocol, and the faults that a network or a venue may show.
What does not: anything that a running fleet needs, so that no fleet loads a web library for it.
"""
