"""Who may do what: signatures, API wallets, vaults, nonces, expiry."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eth_account import Account
from hyperliquid.utils.signing import action_hash, recover_agent_or_user_from_l1_action
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulators.hyperliquid.nonces import KEPT, Nonces
from adapters.simulators.hyperliquid.refusals import Refused, Unreadable
from adapters.simulators.hyperliquid.requests import Action
from adapters.simulators.hyperliquid.wire import moment
from tests.adapters.simulators.hyperliquid.harness import (
    A_THIRD_KEY,
    ANOTHER_KEY,
    CASH,
    ETH,
    KEY,
    Trader,
    World,
    an_order,
)

VAULT = "0x" + "ab" * 20
AGENT_TYPES = [
    {"name": "hyperliquidChain", "type": "string"},
    {"name": "agentAddress", "type": "address"},
    {"name": "agentName", "type": "string"},
    {"name": "nonce", "type": "uint64"},
]
SEND_TYPES = [
    {"name": "hyperliquidChain", "type": "string"},
    {"name": "destination", "type": "string"},
    {"name": "amount", "type": "string"},
    {"name": "time", "type": "uint64"},
]
NOOP = {"type": "noop"}
OK = {"status": "ok", "response": {"type": "default"}}


def approve(trader: Trader, agent: str, name: str) -> Any:
    action = {"type": "approveAgent", "agentAddress": agent, "agentName": name}
    return trader.sign_and_do("ApproveAgent", AGENT_TYPES, action)


@pytest.mark.parametrize("network", ["mainnet", "testnet"])
def test_every_recorded_signature_recovers_to_its_signer(shared_data: Path, network: str) -> None:
    vectors = json.loads((shared_data / "signing/hyperliquid_vectors.json").read_text())["vectors"]
    seen = 0
    for vector in vectors:
        if vector["kind"] != "l1_action":
            continue
        expires = vector["expires_after"]
        arguments = (vector["action"], vector["vault_address"], vector["nonce"], expires)
        assert "0x" + action_hash(*arguments).hex() == vector["action_hash"]
        found = recover_agent_or_user_from_l1_action(
            vector["action"],
            vector[f"signature_{network}"],
            *arguments[1:],
            network == "mainnet",
        )
        assert found == vector["address"], vector["id"]
        seen += 1
    assert seen > 10


def test_recorded_actions_are_understood_as_they_were_signed(shared_data: Path) -> None:
    """What the venue has understood hashes to what the vector says, so nothing is lost in reading."""
    vectors = json.loads((shared_data / "signing/hyperliquid_vectors.json").read_text())["vectors"]
    seen = 0
    for vector in vectors:
        if vector["kind"] != "l1_action" or vector["action"]["type"] == "dummy":
            continue
        action = msgspec.to_builtins(msgspec.convert(vector["action"], Action))
        found = action_hash(action, vector["vault_address"], vector["nonce"], vector["expires_after"])
        has_spare_zeros = '"2000.0"' in json.dumps(
            vector["action"]
        )  # which the live venue does not take either
        assert ("0x" + found.hex() == vector["action_hash"]) is not has_spare_zeros, vector["id"]
        seen += 1
    assert seen > 8


def test_somebody_without_an_account_does_not_exist() -> None:
    stranger = World().trader(cash=None)
    assert stranger.do(NOOP) == {
        "status": "err",
        "response": f"User or API Wallet {stranger.address} does not exist.",
    }


def test_a_signature_over_something_else_is_somebody_elses() -> None:
    world = World()
    trader = world.trader()
    told = trader.do(NOOP, mainnet=True)["response"]
    assert told.startswith("User or API Wallet 0x")
    assert trader.address not in told


def test_a_number_with_spare_zeros_is_signed_in_vain() -> None:
    trader = World().trader()
    assert "does not exist" in trader.order(an_order(ETH, True, "1.0", "2000"))
    assert "resting" in trader.order(an_order(ETH, True, "1", "2000"))[0]


def test_an_agent_trades_for_its_user_until_it_is_replaced() -> None:
    world = World()
    user, agent, next_agent = world.trader(), Trader(world, ANOTHER_KEY), Trader(world, A_THIRD_KEY)
    assert "does not exist" in agent.do(NOOP)["response"]
    assert approve(user, agent.address, "bot") == OK
    oid = agent.one(ETH, True, "1", "2000")["resting"]["oid"]
    assert user.status(oid) == "open"
    assert [one["name"] for one in world.ask("extraAgents", user=user.address)] == ["bot"]
    assert world.ask("userRole", user=agent.address) == {"role": "agent", "data": {"user": user.address}}
    assert approve(user, next_agent.address, "bot") == OK
    assert "does not exist" in agent.do(NOOP)["response"]
    assert next_agent.do(NOOP) == OK


def test_an_agent_ends_when_its_name_is_given_to_nobody_or_its_time_is_up() -> None:
    world = World()
    user, agent = world.trader(), Trader(world, ANOTHER_KEY)
    approve(user, agent.address, "")
    approve(user, "0x" + 40 * "0", "")
    assert "does not exist" in agent.do(NOOP)["response"]
    approve(user, agent.address, f"short valid_until {world.now_ms + 60_000}")
    assert agent.do(NOOP) == OK
    world.clock.advance(61)
    assert "does not exist" in agent.do(NOOP)["response"]


def test_an_agent_moves_no_money_and_approves_nobody() -> None:
    world = World()
    user, agent = world.trader(), Trader(world, ANOTHER_KEY)
    approve(user, agent.address, "bot")
    refusal = f"Must deposit before performing actions. User: {agent.address}"
    send = {"type": "usdSend", "destination": agent.address, "amount": "1"}
    assert agent.sign_and_do("UsdSend", SEND_TYPES, send)["response"] == refusal
    assert approve(agent, "0x" + "cd" * 20, "another")["response"] == refusal


def test_no_more_than_three_named_agents_and_none_twice() -> None:
    world = World()
    user = world.trader()
    for number in range(3):
        assert approve(user, f"0x{number + 1:040x}", f"bot{number}") == OK
    assert "Too many extra agents" in approve(user, f"0x{9:040x}", "bot9")["response"]
    assert approve(user, f"0x{1:040x}", "bot0")["response"] == "Extra agent already used."


def test_money_is_sent_to_a_user_who_is_new_by_it() -> None:
    world = World()
    user, friend = world.trader(), Trader(world, ANOTHER_KEY)
    send = {"type": "usdSend", "destination": friend.address, "amount": "250.5"}
    assert user.sign_and_do("UsdSend", SEND_TYPES, send) == OK
    assert friend.state()["marginSummary"]["accountValue"] == "250.5"
    assert friend.do(NOOP) == OK


def test_a_leader_trades_for_the_vault_and_nobody_else_does() -> None:
    world = World()
    leader, other = world.trader(), world.trader(ANOTHER_KEY)
    world.venue.open_vault(VAULT, leader.address, CASH)
    (status,) = leader.order(an_order(ETH, True, "1", "2000"), vault=VAULT)
    assert world.ask("openOrders", user=VAULT)[0]["oid"] == status["resting"]["oid"]
    assert leader.open_orders() == []
    assert other.do(NOOP, vault=VAULT)["response"] == f"Vault not registered: {VAULT}"
    assert leader.do(NOOP, vault="0x" + "cd" * 20)["status"] == "err"


def test_a_nonce_counts_once() -> None:
    trader = World().trader()
    nonce = trader.nonce()
    assert trader.do(NOOP, nonce=nonce) == OK
    assert trader.do(NOOP, nonce=nonce)["response"] == f"Invalid nonce: duplicate nonce {nonce}"


def test_a_noop_with_the_nonce_of_an_order_shows_whether_it_arrived() -> None:
    trader = World().trader()
    arrived, lost = trader.nonce(), trader.nonce()
    trader.order(an_order(ETH, True, "1", "2000"), nonce=arrived)
    assert "duplicate nonce" in trader.do(NOOP, nonce=arrived)["response"]
    assert trader.do(NOOP, nonce=lost) == OK
    assert "duplicate nonce" in trader.order(an_order(ETH, True, "1", "2000"), nonce=lost)


def test_nonces_are_of_the_signer_not_of_the_user() -> None:
    world = World()
    user, agent = world.trader(), Trader(world, ANOTHER_KEY)
    approve(user, agent.address, "bot")
    nonce = user.nonce()
    assert user.do(NOOP, nonce=nonce) == agent.do(NOOP, nonce=nonce) == OK


def test_a_nonce_must_be_near_the_venues_time() -> None:
    trader = World().trader()
    now, day = trader.world.now_ms, 24 * 3600 * 1000
    assert "nonce too low" in trader.do(NOOP, nonce=now - 2 * day)["response"]
    assert "nonce too high" in trader.do(NOOP, nonce=now + day)["response"]
    assert trader.do(NOOP, nonce=now - 2 * day + 1) == trader.do(NOOP, nonce=now + day - 1) == OK


def test_with_a_hundred_kept_a_lower_nonce_is_too_low() -> None:
    trader = World().trader()
    first = trader.world.now_ms
    for number in range(1, 101):
        assert trader.do(NOOP, nonce=first + 2 * number) == OK
    assert (
        trader.do(NOOP, nonce=first + 1)["response"]
        == f"Invalid nonce: nonce too low {first + 1} < {first + 2}"
    )
    assert trader.do(NOOP, nonce=first + 3) == OK


@given(st.lists(st.integers(1, 400), max_size=300))
def test_no_nonce_is_ever_taken_twice_and_only_low_ones_are_forgotten(offsets: list[int]) -> None:
    now, nonces = moment(1_700_000_000_000), Nonces()
    taken: list[int] = []
    for offset in offsets:
        kept = sorted(taken)[-KEPT:]
        nonce = 1_700_000_000_000 + offset
        should_be_taken = nonce not in kept and (len(kept) < KEPT or nonce > kept[0])
        try:
            nonces.use("somebody", nonce, now)
        except Refused:
            assert not should_be_taken
        else:
            assert should_be_taken
            taken.append(nonce)
    assert len(taken) == len(set(taken))


def test_an_action_after_its_time_has_no_effect_and_uses_its_nonce() -> None:
    world = World()
    trader = world.trader()
    nonce, before = trader.nonce(), world.now_ms - 1
    told = trader.order(an_order(ETH, True, "1", "2000"), nonce=nonce, expires=before)
    assert told == "Action already expired"
    assert trader.open_orders() == []
    assert "duplicate nonce" in trader.do(NOOP, nonce=nonce)["response"]
    assert "resting" in trader.order(an_order(ETH, True, "1", "2000"), expires=world.now_ms)[0]


def test_what_is_no_action_is_not_read() -> None:
    trader = World().trader()
    for action in ({"type": "twistOrder"}, {"type": "order", "orders": 3, "grouping": "na"}, {"no": "type"}):
        with pytest.raises(Unreadable, match="Failed to deserialize the JSON body"):
            trader.do(action)


def test_a_signature_that_is_none_is_told_so() -> None:
    world = World()
    trader = world.trader()
    body = {"action": NOOP, "nonce": world.now_ms, "signature": {"r": "0x0", "s": "0x0", "v": 27}}
    assert world.venue.act(body)["response"] == "Unable to recover signer."
    assert trader.address == Account.from_key(KEY).address.lower()
