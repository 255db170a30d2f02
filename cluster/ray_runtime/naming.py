"""Names, lifetimes and options of every actor, in one place."""

from __future__ import annotations

from typing import Any

from adapters.model import BotId, WalletId

NAMESPACE = "flotilla"
SUPERVISOR = "supervisor"
RISK_GUARD = "risk_guard"
KILL_SWITCH = "kill_switch"
RECORDER = "recorder"
MARKET_DATA = "market_data"
EXCHANGE = "exchange"
DECISION = "decision"
CONTROL_GROUP = {"ctl": 4}  # a second event loop, which answers while the first one is busy

_ALWAYS = {
    "namespace": NAMESPACE,
    "lifetime": "detached",
    "num_cpus": 0,
    "max_task_retries": 0,  # a call that may have run is never run again by Ray
    "enable_task_events": False,  # they grow the head by the call
}
_TRADING = {"label_selector": {"role": "in(control,trading)"}}
_CONTROL = {"label_selector": {"role": "control"}}


def bot_name(bot: BotId) -> str:
    """The Ray name of a bot's actor."""
    return f"bot:{bot}"


def wallet_name(wallet: WalletId) -> str:
    """The Ray name of a wallet's actor."""
    return f"wallet:{wallet}"


def member_name(number: int) -> str:
    """The Ray name of a member of the Decision pool."""
    return f"{DECISION}:{number}"


def control_options(name: str) -> dict[str, Any]:
    """For actors of the control node: Ray brings them back for ever."""
    return {**_ALWAYS, **_CONTROL, "name": name, "max_restarts": -1, "get_if_exists": True}


def member_options(name: str) -> dict[str, Any]:
    """For stateless members, anywhere: Ray brings them back for ever."""
    return {**_ALWAYS, **_TRADING, "name": name, "max_restarts": -1, "get_if_exists": True}


def supervised_options(name: str) -> dict[str, Any]:
    """For bots and wallets: only the supervisor replaces them."""
    return {**_ALWAYS, **_TRADING, "name": name, "max_restarts": 0}
