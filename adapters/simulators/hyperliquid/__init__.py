"""A venue on this machine that speaks Hyperliquid's own protocol, so that its official SDK trades here unmodified.

What belongs here: requests, signatures, nonces, answers, streams and refusals as Hyperliquid makes them. What does not:
matching, margin and funding, which are the paper exchange's (``adapters/paper``), and anything of the adapter for the
live venue: the two are independent witnesses of the protocol.

A request goes ``server`` → ``exchange_endpoint`` (who signed, may he, is the nonce new) → ``actions`` (what is asked)
→ ``desk`` (orders) → the paper exchange; what happens there comes back as events → ``desk`` → ``accounts``, ``streams``
and the ``ledger``. Questions go ``server`` → ``info`` → ``tape`` (markets) or ``portfolio`` (accounts).

Where Hyperliquid's behaviour is not documented, this is what the simulator does:

* A cloid is a name. Used again, it makes a second order, and asking by it finds the newer one (``Terms.cloid_once``
  refuses it instead).
* An action whose signature is good uses up its nonce, also when it has expired or is refused.
* A nonce below the smallest that is kept is refused only when a hundred are kept.
* A modified order is cancelled first; if the new one is refused, the old one is gone.
* Whoever signs for a vault or sub-account that is not his is told that it is not registered.

What it does not have: isolated margin is booked and shown, but liquidation looks at the whole account; fees are USDC on
spot markets too; there are no margin tiers above the first, TWAP orders, builder-deployed markets or multi-sig users.

Sources: Hyperliquid's documentation ("Exchange endpoint", "Info endpoint", "Websocket", "Nonces and API wallets",
"Error responses", "Rate limits", "Tick and lot size"), its Python SDK, and answers recorded from the live venue.
"""
