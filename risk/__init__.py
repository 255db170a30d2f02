"""Which wishes may become orders: limits, hard rules, leases, guard states, budgets. Pure.

What does not belong here: sending, waiting, storing. Those are the actors'.
"""
