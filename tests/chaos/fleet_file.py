"""The fleet that is put to the test: it trades all the time, and its limit is too small for all that its bots want."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

NAME = "chaos"
ORPHAN_S = 4.0  # a silent bot's entries are cancelled after this
DECISION_ACTORS = 2
POSITION_USD_MAX = Decimal(450)
_QUOTER = {
    "kind": "quoter", "spread_bps": 2, "requote_bps": 0.5, "levels": 2, "level_gap_bps": 2, "size_usd": 120,
    "max_inventory_usd": 400, "skew_bps": 4,
}  # fmt: skip
_MOMENTUM = {
    "kind": "momentum", "fast": 2, "slow": 3, "rsi": 3, "rsi_max": 99, "atr": 3, "stop_atr": 2, "target_atr": 3,
    "position_size_usd": 300, "bar_interval": "1s",
}  # fmt: skip
_ADVISED = {"kind": "advised", "executor": "quant", "candidates": ["ADA"], "bar_interval": "1s"}
_SEATS: tuple[tuple[str, dict[str, Any], str, bool], ...] = (
    ("btc", {**_QUOTER, "symbol": "BTC"}, "flatten", False),
    ("sol", {**_MOMENTUM, "symbol": "SOL"}, "protect", False),
    ("ada", _ADVISED, "flatten", False),
    ("eth", {**_QUOTER, "symbol": "ETH"}, "flatten", True),
    ("eth2", {**_QUOTER, "symbol": "ETH", "levels": 1, "spread_bps": 3}, "keep", True),
)  # name, strategy, exit mode, whether it shares its market with another bot of its wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who is in the fleet."""

    wallets: int
    seats: int  # bots a wallet, up to five

    @property
    def wallet_names(self) -> list[str]:
        return [f"w{number}" for number in range(1, self.wallets + 1)]

    @property
    def bots(self) -> dict[str, str]:
        """Each bot's wallet."""
        return {f"{w}_{seat[0]}": w for w in self.wallet_names for seat in _SEATS[: self.seats]}

    @property
    def limit_usd(self) -> Decimal:
        """Of the fleet: about half of what the bots would use."""
        return Decimal(200) * len(self.bots)

    def shares(self, bot: str) -> bool:
        """Whether the bot shares its market, so that the wallet may settle between its book and another's."""
        return _seat_of(bot)[3]

    def quote_levels(self, bot: str) -> int | None:
        """How many entries a side it may have resting; ``None`` for bots that do not quote."""
        levels = _seat_of(bot)[1].get("levels")
        return int(levels) if levels else None

    def wears_stops(self, bot: str) -> bool:
        """Whether its positions come with a stop; quoters' do not."""
        return bool(bot) and self.quote_levels(bot) is None

    @property
    def actors(self) -> dict[str, list[str]]:
        """Every process that may be hurt, by kind."""
        return {
            "bot": [f"bot:{bot}" for bot in self.bots],
            "wallet": [f"wallet:{wallet}" for wallet in self.wallet_names],
            "supervisor": ["supervisor"],
            "risk_guard": ["risk_guard"],
            "kill_switch": ["kill_switch"],
            "market_data": ["market_data"],
            "recorder": ["recorder"],
            "decision": ["decision"],
            "member": [f"decision:{number}" for number in range(DECISION_ACTORS)],
            "exchange": ["exchange"],
        }

    def document(self, seed: int) -> dict[str, Any]:
        """The fleet file, as JSON, which is YAML."""
        return {
            "fleet": NAME,
            "market": {
                "source": "synthetic", "seed": seed, "symbols": ["BTC", "ETH", "SOL", "ADA"], "step": "200ms",
                "latency": "10ms",
            },
            "risk": {
                "gross_notional_usd_max": str(self.limit_usd), "daily_loss_pct_max": 50, "lease_ttl": "5s",
            },
            "decision": {"actors": DECISION_ACTORS, "deadline": "5s"},
            "wallets": {
                name: {"equity_usd": 20_000, "orphan_cancel_after": f"{ORPHAN_S:g}s"} for name in self.wallet_names
            },
            "bots": [
                {
                    "name": f"{wallet}_{seat}",
                    "wallet": wallet,
                    "strategy": strategy,
                    "decision_interval": "500ms",
                    "on_stop": on_stop,
                    "shared_symbol": shared,
                    "heartbeat_timeout": "8s",
                    "risk_params": {"max_position_size_usd": str(POSITION_USD_MAX)},
                    "restart": {"backoff": "200ms", "backoff_max": "2s", "crashes_max": 100},
                }
                for wallet in self.wallet_names
                for seat, strategy, on_stop, shared in _SEATS[: self.seats]
            ],
        }  # fmt: skip


def _seat_of(bot: str) -> tuple[str, dict[str, Any], str, bool]:
    return next(seat for seat in _SEATS if seat[0] == bot.rpartition("_")[2])
