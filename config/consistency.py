"""What must hold between the parts of a fleet: pure checks, each a finding of path and words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from difflib import get_close_matches

from adapters.llm.settings import Model
from adapters.model import Symbol
from config.durations import format_duration
from config.problems import KeyPath, dotted
from config.spec import BotSpec, FleetSpec
from risk.intent import bot_tag
from risk.limits import FleetLimits, WalletLimits

Placed = tuple[KeyPath, BotSpec]  # a bot and where the file has it; () for one that runs already
Finding = tuple[KeyPath, str]


def clashing_names(bots: Sequence[Placed]) -> Iterator[Finding]:
    """Bots that one name, a name but for its case, or one order tag would confuse."""
    by_name: dict[str, Placed] = {}
    by_tag: dict[str, Placed] = {}
    for path, bot in bots:
        first = by_name.setdefault(bot.name.casefold(), (path, bot))
        same_tag = by_tag.setdefault(bot_tag(bot.name), (path, bot))
        if first[1] is not bot:
            same = bot.name == first[1].name
            what = "is taken by" if same else f"differs only in case from {first[1].name!r} of"
            yield (*path, "name"), f"{bot.name!r} {what} {_owner(first)}; choose another name"
        elif same_tag[1] is not bot:
            other = f"{same_tag[1].name!r} of {_owner(same_tag)}"
            yield (*path, "name"), f"{bot.name!r} has the order tag of {other}; choose another name"


def clashing_wallets(names: Sequence[str]) -> Iterator[Finding]:
    """Wallets whose names differ only in case: their files would be one on some disks."""
    for place, name in enumerate(names):
        for other in names[:place]:
            if name.casefold() == other.casefold():
                yield ("wallets", name), f"differs only in case from {other!r}; choose another name"


def clashing_symbols(bots: Sequence[Placed]) -> Iterator[Finding]:
    """Bots of one wallet that trade one symbol without both saying that they share it."""
    for place, (path, bot) in enumerate(bots):
        for _, other in bots[:place]:
            common = sorted(set(bot.symbols) & set(other.symbols))
            if common and bot.wallet == other.wallet and not (bot.shared_symbol and other.shared_symbol):
                yield (
                    (*path, "strategy"),
                    f"{', '.join(common)} on wallet {bot.wallet!r} belongs to bot {other.name!r}; "
                    "write shared_symbol: true in both, or use another wallet",
                )


def unknown_wallets(bots: Sequence[Placed], wallets: Collection[str]) -> Iterator[Finding]:
    """Bots whose wallet the fleet does not have."""
    for path, bot in bots:
        if bot.wallet not in wallets:
            nearest = get_close_matches(bot.wallet, wallets, n=1)
            hint = (
                f"did you mean {nearest[0]!r}?"
                if nearest
                else f"there are: {', '.join(sorted(wallets)) or 'none'}"
            )
            yield (*path, "wallet"), f"there is no wallet {bot.wallet!r}; {hint}"


def unknown_symbols(bots: Sequence[Placed], symbols: Collection[Symbol]) -> Iterator[Finding]:
    """Bots that want a market which the fleet's market does not have."""
    for path, bot in bots:
        if missing := sorted(set(bot.symbols) - set(symbols)):
            yield (
                (*path, "strategy"),
                f"the market has no {', '.join(missing)}; there are: {', '.join(symbols)} (see market)",
            )


def foreign_markets(fleet: FleetSpec) -> Iterator[Finding]:
    """Live wallets whose prices would come from elsewhere than their venue."""
    market = fleet.market
    for wallet in fleet.wallets:
        if wallet.mode != "live" or (market.source, market.network) == (wallet.venue, wallet.network):
            continue
        yield (
            ("wallets", wallet.name, "mode"),
            f"a live wallet trades at the prices of its own venue; "
            f"write market: {{source: {wallet.venue}, network: {wallet.network}, symbols: […]}}",
        )


def idle_weights(bots: Sequence[Placed], fleet: FleetLimits) -> Iterator[Finding]:
    """Weights that nothing would read."""
    for path, bot in bots:
        if fleet.portfolio is None and bot.weight != 1:
            yield (*path, "weight"), "has no effect without risk.portfolio; write that section, or no weight"


def late_models(models: Sequence[tuple[KeyPath, Model | None]], deadline: timedelta) -> Iterator[Finding]:
    """Models that may take longer than the Decision pool waits: what they cost would be in no record."""
    for path, model in models:
        if model is not None and model.deadline >= deadline:
            yield (
                (*path, "strategy", "model", "deadline"),
                f"is not below decision.deadline, which is {format_duration(deadline)}; write less here or more there",
            )


def wider_than_the_fleet(limits: WalletLimits, fleet: FleetLimits) -> Iterator[Finding]:
    """Limits of a wallet that the fleet's would never let it reach, or that contradict each other."""
    gross, whole = limits.gross_notional_usd_max, fleet.gross_notional_usd_max
    if gross is not None and gross > whole:
        yield (
            ("gross_notional_usd_max",),
            f"{gross} is above the fleet's risk.gross_notional_usd_max; write at most {whole}",
        )
    for key in ("position_notional_usd_max", "order_notional_usd_max"):
        part = getattr(limits, key)
        if part is not None and part > (gross or whole):
            yield (key,), f"{part} is above what the wallet may hold at all; write at most {gross or whole}"


def _owner(placed: Placed) -> str:
    return dotted(placed[0]) or "the running fleet"
