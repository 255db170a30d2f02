"""Hyperliquid: perpetuals and spot, as a ``Venue`` and a ``MarketFeed``.

Everything that knows the exchange's protocol is here, and nothing else; its official SDK is imported nowhere else.
"""
