"""Where a venue would close an account's position: an estimate, before there is a position to ask about.

Cross margin: all of the account's equity stands behind every position, and one is closed where the equity has fallen to
the maintenance margin of all of them. Source: Hyperliquid's documentation, "Liquidations", "Computing liquidation
price", solved here for the account as a whole.
"""

from __future__ import annotations

from decimal import Decimal


def liquidation_price(
    position_usd: Decimal,
    price: Decimal,
    *,
    equity_usd: Decimal,
    others_usd: Decimal,
    maintenance_margin: Decimal,
) -> Decimal | None:
    """The price at which the account is liquidated, all other markets as they are; ``None`` where there is none.

    Args:
        position_usd: worth of the position at ``price``, signed.
        price: quote per base.
        equity_usd: of the account, at that price.
        others_usd: worth of its other positions, without sign; taken to need the same maintenance margin.
        maintenance_margin: fraction of notional.
    """
    if not position_usd:
        return None
    spare_usd = equity_usd - others_usd * maintenance_margin
    found = price * (position_usd - spare_usd) / (position_usd - maintenance_margin * abs(position_usd))
    return found if found > 0 else None
