"""The portfolio: how much of the fleet's budget each bot may use, from its weight, its results and its markets.

A bot gets a *score*, from the scores its *share* of the whole, and from the share its *target*. Its budget falls to
the target at once and rises towards it in steps, and only into what no other bot still holds. docs/portfolio.md
explains it to operators, with a table of numbers.

Nothing here lends anything: what the wallets may add together is held by their leases, whatever the bots' budgets are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from math import isfinite

from adapters.model import ZERO, BotId
from risk.leases import CENT, BotUse
from risk.portfolio_params import PortfolioParams, PortfolioPolicy
from strategies.strategy import Performance

TRADES_HALF = 20  # closed trades after which a result counts half
_ONE = Decimal(1)
_HUNDRED = Decimal(100)
_HAIR = Decimal("1e-9")


def bot_budgets(
    uses: Iterable[BotUse],
    previous: Mapping[BotId, Decimal],
    *,
    params: PortfolioParams,
    limit_usd: Decimal,
    equity_usd: Decimal | None,
) -> Mapping[BotId, Decimal]:
    """The budget of every bot, USD of worst-case exposure in whole cents; together never more than the limit.

    A bot that had none begins at its target. Where a bot uses more than its new budget, the others rise no further
    than what it leaves of the whole.

    Args:
        uses: every bot of the fleet, in any order.
        previous: the budgets in force.
        params: the operator's choice.
        limit_usd: the fleet's limit.
        equity_usd: the fleet's equity; ``None`` is unknown, and then no budget rises.
    """
    bots = sorted(uses, key=lambda use: use.bot)
    whole = _whole(params, limit_usd, equity_usd)
    parts = shares(bots, params)
    targets = {use.bot: _cents(whole * parts[use.bot]) for use in bots}
    kept = {bot: min(target, previous.get(bot, ZERO)) for bot, target in targets.items()}
    if equity_usd is None:
        return kept
    step = whole * params.raise_step_pct / _HUNDRED
    wanted = {
        bot: min(target, kept[bot] + step) if previous.get(bot) else target for bot, target in targets.items()
    }
    held = {use.bot: max(kept[use.bot], use.used_usd) for use in bots}
    rises = {bot: max(ZERO, wanted[bot] - held[bot]) for bot in targets}
    free, asked = max(ZERO, whole - sum(held.values(), ZERO)), sum(rises.values(), ZERO)
    fraction = min(_ONE, free / asked) if asked else _ONE
    return {bot: _cents(min(wanted[bot], held[bot]) + fraction * rises[bot]) for bot in targets}


def shares(uses: Sequence[BotUse], params: PortfolioParams) -> Mapping[BotId, Decimal]:
    """Each bot's share of the whole, 0 to 1; their sum is at most 1.

    A bot that is not enabled, or whose weight is 0, has none. Each other gets ``bot_share_min_pct``, and of the rest
    its part by score; what goes beyond ``bot_share_max_pct`` goes to the others. What a volatility target takes away,
    down to the smallest share, nobody gets.
    """
    taking_part = [use for use in uses if use.enabled and use.weight > 0]
    if not taking_part:
        return {use.bot: ZERO for use in uses}
    least = min(params.bot_share_min_pct / _HUNDRED, _ONE / len(taking_part))
    most = params.bot_share_max_pct / _HUNDRED
    volatilities = _volatilities(taking_part)
    by_score = _divide(
        {use.bot: _score(use, volatilities.get(use.bot), params) for use in taking_part}, least, most
    )
    calmed = {
        bot: max(least, share * _calm(volatilities.get(bot), params.volatility_target_pct))
        for bot, share in by_score.items()
    }
    return {use.bot: calmed.get(use.bot, ZERO) for use in uses}


def performance_factor(performance: Performance, least: Decimal, most: Decimal) -> Decimal:
    """What a bot's results make of its score: 1 without any, below it for losses, above it for gains.

    ``1 + sharpe x n / (n + 20)``, n the closed trades: the fewer there are the less they say (Bühlmann's credibility
    factor). Where all results are equal there is no Sharpe ratio; the win rate, from -1 to 1, then stands for it.
    """
    edge = performance.sharpe
    if edge is None:
        edge = 0.0 if performance.win_rate is None else 2 * performance.win_rate - 1
    if not isfinite(edge):
        return least
    credible = Decimal(performance.trades) / (performance.trades + TRADES_HALF)
    return min(most, max(least, _ONE + Decimal(str(edge)) * credible))


def _whole(params: PortfolioParams, limit_usd: Decimal, equity_usd: Decimal | None) -> Decimal:
    """What there is to share out, in whole cents."""
    if equity_usd is None:
        return _cents(limit_usd)
    return _cents(min(limit_usd, max(ZERO, equity_usd * params.gross_equity_multiple_max)))


def _volatilities(uses: Iterable[BotUse]) -> Mapping[BotId, Decimal]:
    """Volatilities with the unknown ones at the highest that is known; none at all when none is."""
    known = {
        use.bot: Decimal(str(use.volatility_pct))
        for use in uses
        if use.volatility_pct is not None and isfinite(use.volatility_pct) and use.volatility_pct > 0
    }
    if not known:
        return {}
    highest = max(known.values())
    return {use.bot: known.get(use.bot, highest) for use in uses}


def _score(use: BotUse, volatility: Decimal | None, params: PortfolioParams) -> Decimal:
    """What a bot's part is measured by. Each policy takes in one thing more than the one before it."""
    if params.policy is PortfolioPolicy.EQUAL:
        return _ONE
    if params.policy is PortfolioPolicy.WEIGHTS:
        return use.weight
    by_risk = use.weight / (volatility or _ONE)
    if params.policy is PortfolioPolicy.INVERSE_VOLATILITY:
        return by_risk
    least, most = params.performance_factor_min, params.performance_factor_max
    return by_risk * performance_factor(use.performance, least, most)


def _divide(scores: Mapping[BotId, Decimal], least: Decimal, most: Decimal) -> Mapping[BotId, Decimal]:
    """``least`` for each and the rest by score, nobody above ``most`` while others have room."""
    full: set[BotId] = set()
    while True:
        open_ = {bot: score for bot, score in scores.items() if bot not in full}
        rest, total = _ONE - least * len(open_) - most * len(full), sum(open_.values(), ZERO)
        found = {bot: least + rest * score / total for bot, score in open_.items()}
        above = {bot for bot, share in found.items() if share > most}
        if not above:
            return {bot: found.get(bot, most) for bot in scores}
        full |= above


def _calm(volatility: Decimal | None, target_pct: Decimal | None) -> Decimal:
    """The part of a share that a volatility target leaves: ``target / volatility``, at most all, 0 when unknown."""
    if target_pct is None:
        return _ONE
    return ZERO if volatility is None else min(_ONE, target_pct / volatility)


def _cents(amount: Decimal) -> Decimal:
    """Rounded down. A third is not exact: what misses a cent by less than a billionth of a dollar is that cent."""
    return amount.quantize(_HAIR).quantize(CENT, ROUND_FLOOR)
