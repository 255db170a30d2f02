"""The paper venue: a real exchange in process, fed with market data instead of other people's orders.

What belongs here: matching, booking, margin, and the exchange's own memory. What does not: the market data itself
(``adapters/market``), and any kindness that a live venue would not show.

How orders fill
---------------
*Taking.* Market, IOC and marketable limit orders take visible depth (the newest book, its top replaced by newer
quotes; a book more than 5 s older than the quote counts no longer), best price first. What was taken is not offered
again until fresh data for that level arrives. Fills are whole steps.

*Resting.* A limit order joins the back of the size shown at its price; of a price that is not shown the queue counts
as endless. Public trades at its price consume the queue first, then fill it with what is left of the trade; trades
beyond its price, or an opposite quote at or beyond it, fill it without a queue. All our orders together never get
more than the trade's size, or than the depth that reached them. A queue also shrinks to the size shown at its price,
but never because sizes elsewhere changed: who cancels is assumed to stand behind us. Among our own orders: price,
then time.

*Bars.* Where a market shows bars only, in this order: orders in flight meet the open; stops fill at the worse of
trigger and open, plus half a spread, before targets, which fill at their trigger once the range goes beyond it;
accounts that the bar's extreme breaks are liquidated at it; resting limits beyond which the range traded fill at
their limit; the close becomes the quote. Half a spread is 1 bp and at least a tick, and triggers and limits together
get at most 10% of a bar's volume, as does each side of the quote it leaves. Once quotes, books or trades are seen,
bars count no longer.

Sources: the queue is the risk-averse model of hftbacktest (documentation, "Order Fill" and "Queue Models"), bounded
further by trade sizes; margin, liquidation by market orders, mark-price triggers, funding, reduce-only and the expiry
of one's own resting order in a self-trade follow Hyperliquid's documentation ("Margining", "Liquidations", "Take
profit and stop loss orders", "Funding", "Self-trade prevention"). ``docs/paper-venue.md`` tells all of it.
"""
