"""Hosts of the actors beside the trading ones: the paper exchange and the recorder.

Whoever calls an actor imports its host's module, for Ray wants the class to make a handle. So nothing heavy is imported
up here: a database library in every bot would cost a third of its memory.
"""

from __future__ import annotations
