"""Everything outside the fleet: the shared trading words, the venue protocol, venues, market data, transport.

What does not belong here: policy. An adapter translates; it never retries, rounds by choice, or judges risk.
"""
