"""Plain classes that become actors: supervisor, bot, wallet, risk guard, kill switch, market data, decision, recorder.

What does not belong here: Ray, and any clock, network or disk that was not handed in.
"""
