"""A small fleet, drawn from the seed: few wallets, few bots, and limits so tight that they compete."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from adapters.model import BotId, Symbol, WalletId
from adapters.venue import Fence
from cluster.simulation.market import BTC, ETH
from config.spec import BotSpec, ExitMode, FleetSpec, HaltLevel, RestartPolicy, StrategySpec, WalletSpec
from risk.limits import FleetLimits, RiskParams, WalletLimits

PROBE_USD = Decimal(25)  # a little more than a probe's order


def a_fleet(seed: int) -> FleetSpec:
    """The fleet of this seed."""
    draw = random.Random(f"fleet/{seed}")  # noqa: S311
    wallets = tuple(_wallet(number, draw) for number in range(draw.choice((1, 1, 2, 2, 3))))
    shares = draw.random() < 0.25
    bots: list[BotSpec] = []
    for wallet in wallets:
        free = [BTC, ETH]
        draw.shuffle(free)
        for _ in range(draw.choice((1, 1, 2, 2, 3) if shares else (1, 2))):
            symbol = draw.choice((BTC, ETH)) if shares else free.pop()
            bots.append(_bot(len(bots), wallet.name, symbol, shares, draw))
    per_wallet = draw.choice((250, 400, 800))
    return FleetSpec(
        fleet="simulated",
        store="sqlite:///simulated.db",
        limits=FleetLimits(
            gross_notional_usd_max=Decimal(per_wallet * len(wallets)),
            daily_loss_pct_max=Decimal(draw.choice(("5", "5", "5", "0.005"))),
            lease_ttl=timedelta(seconds=draw.choice((2, 2, 5))),
        ),
        on_breach=draw.choice((HaltLevel.REDUCE_ONLY, HaltLevel.CANCEL_ALL, HaltLevel.FLATTEN)),
        decision_actors=0,
        wallets=wallets,
        bots=tuple(bots),
    )


def a_fence(seed: int) -> Fence:
    """What the venue of this seed can do about orders that are late."""
    return Fence.KEY if random.Random(f"fence/{seed}").random() < 0.2 else Fence.EXPIRY  # noqa: S311


def probes(fleet: FleetSpec) -> tuple[BotSpec, ...]:
    """A bot for each wallet that shows whether it can trade."""
    return tuple(
        BotSpec(
            name=BotId(f"probe-{wallet.name}"),
            wallet=wallet.name,
            strategy=StrategySpec(kind="cluster.simulation.erratic:Probe", fields={"symbol": BTC}),
            decision_interval=timedelta(seconds=1),
            risk_params=RiskParams(max_position_size_usd=Decimal(1000)),
            symbols=(BTC,),
            shared_symbol=True,
        )
        for wallet in fleet.wallets
    )


def _wallet(number: int, draw: random.Random) -> WalletSpec:
    return WalletSpec(
        name=WalletId(f"w{number}"),
        equity_usd=Decimal(10_000),
        limits=WalletLimits(market_data_age_max=timedelta(seconds=draw.choice((2, 5)))),
        orphan_cancel_after=timedelta(seconds=draw.choice((4, 8))),
        journal="fsync" if draw.random() < 0.9 else "group",
    )


def _bot(number: int, wallet: WalletId, symbol: Symbol, shares: bool, draw: random.Random) -> BotSpec:
    size = draw.choice((60, 120, 250))
    base = BotSpec(
        name=BotId(f"b{number}"),
        wallet=wallet,
        strategy=StrategySpec(
            kind="cluster.simulation.erratic:Erratic",
            fields={
                "symbol": symbol,
                "seed": draw.randrange(10**6),
                "size_usd": str(size),
                "breaks": draw.choice((0.0, 0.0, 0.02)),
            },
        ),
        decision_interval=timedelta(seconds=draw.choice((0.5, 1.0, 1.0, 3.0))),
        risk_params=RiskParams(max_position_size_usd=Decimal(draw.choice((200, 500, 2000)))),
        on_stop=draw.choice(tuple(ExitMode)),
        heartbeat_timeout=timedelta(seconds=draw.choice((3, 10))),
        stop_grace=timedelta(seconds=2),
        restart=RestartPolicy(
            backoff=timedelta(seconds=0.5), backoff_max=timedelta(seconds=4), crashes_max=6
        ),
        symbols=(symbol,),
        shared_symbol=shares,
    )
    if draw.random() < 0.4:
        fields = {
            "symbol": symbol,
            "spread_bps": "8",
            "size_usd": str(size),
            "max_inventory_usd": str(2 * size),
            "requote_bps": "4",
        }
        return replace(base, strategy=StrategySpec(kind="quoter", fields=fields))
    return base
