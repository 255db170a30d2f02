"""Signatures are the official SDK's, byte for byte, and the key stays where it is."""

from __future__ import annotations

import copy
import json
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from hyperliquid.utils import signing as sdk
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.errors import ConfigError, InvalidParam
from adapters.hyperliquid import actions
from adapters.hyperliquid.signing import Signer, action_hash
from adapters.model import ClientOrderId, Order, OrderType, Side, TimeInForce
from tests.adapters.hyperliquid.grounds import KEY
from tests.builders import BTC

WALLET = Account.from_key(KEY)
numbers = st.decimals(min_value="0.00000001", max_value=10**9, places=8)
addresses = st.integers(0, 16**40 - 1).map(lambda number: f"0x{number:040x}")


def vectors(shared_data: Path, kind: str) -> list[dict[str, Any]]:
    """The recorded vectors of one kind."""
    told = json.loads((shared_data / "signing" / "hyperliquid_vectors.json").read_text())["vectors"]
    found = [vector for vector in told if vector["kind"] == kind]
    assert found
    return found


def test_every_recorded_signature_of_an_action_is_ours(shared_data: Path) -> None:
    for vector in vectors(shared_data, "l1_action"):
        for is_mainnet, name in ((True, "signature_mainnet"), (False, "signature_testnet")):
            signer = Signer(vector["private_key"], is_mainnet=is_mainnet)
            signature = signer.sign(
                vector["action"],
                vector["nonce"],
                vault=vector["vault_address"],
                expires_after=vector["expires_after"],
            )
            assert signature == vector[name], vector["id"]
            assert signer.address == vector["address"].lower()


def test_every_recorded_hash_of_an_action_is_ours(shared_data: Path) -> None:
    for vector in vectors(shared_data, "action_hash"):
        made = action_hash(
            vector["action"], vector["nonce"], vector["vault_address"], vector["expires_after"]
        )
        assert "0x" + made.hex() == vector["action_hash"]


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Any order that the exchange knows."""
    kind = draw(st.sampled_from(OrderType))
    return Order(
        id=ClientOrderId(f"{draw(st.integers(0, 16**32 - 1)):032x}"),
        symbol=BTC,
        side=draw(st.sampled_from(Side)),
        size=draw(numbers),
        type=kind,
        price=draw(numbers) if kind is OrderType.LIMIT else None,
        trigger=draw(numbers) if kind.is_trigger else None,
        tif=draw(st.sampled_from(TimeInForce)),
        reduce_only=draw(st.booleans()),
    )


def any_action() -> st.SearchStrategy[Any]:
    """Any action that this adapter sends."""
    assets = st.integers(0, 20_000)
    ids = st.integers(0, 16**32 - 1).map(lambda number: ClientOrderId(f"{number:032x}"))
    wires = st.builds(actions.order_wire, orders(), assets, numbers)
    return st.one_of(
        st.builds(actions.place, st.lists(wires, min_size=1, max_size=4)),
        st.builds(actions.modify, ids, wires),
        st.builds(actions.cancel, st.lists(st.tuples(assets, ids), min_size=1, max_size=4)),
        st.builds(actions.cancel_by_number, assets, st.integers(0, 2**48)),
        st.builds(actions.update_leverage, assets, st.integers(1, 50), is_cross=st.booleans()),
        st.builds(actions.schedule_cancel, st.none() | st.integers(0, 2**43)),
        st.just(actions.noop()),
    )


@settings(max_examples=1_200, deadline=None)
@given(
    action=any_action(),
    nonce=st.integers(0, 2**43),
    vault=st.none() | addresses,
    expires_after=st.none() | st.integers(0, 2**43),
    is_mainnet=st.booleans(),
)
def test_any_action_is_signed_as_the_sdk_signs_it(
    action: Any, nonce: int, vault: str | None, expires_after: int | None, is_mainnet: bool
) -> None:
    ours = Signer(KEY, is_mainnet=is_mainnet).sign(action, nonce, vault=vault, expires_after=expires_after)
    assert ours == sdk.sign_l1_action(WALLET, action, vault, nonce, expires_after, is_mainnet)


@given(st.decimals(min_value=0, max_value=10**6, places=8))
def test_a_number_is_written_as_the_sdk_writes_it(value: Decimal) -> None:
    assert actions.number(value) == sdk.float_to_wire(float(value))


@given(st.decimals(min_value=0, max_value=10**14, places=8))
def test_no_digit_of_a_number_is_lost_however_many_there_are(value: Decimal) -> None:
    assert Decimal(actions.number(value)) == value


@pytest.mark.parametrize("value", ["0.000000001", "NaN", "Infinity"])
def test_what_cannot_be_written_exactly_is_refused(value: str) -> None:
    with pytest.raises(InvalidParam):
        actions.number(Decimal(value))


def test_an_action_of_the_owner_is_signed_by_the_sdk_and_says_for_which_network() -> None:
    asked = {"destination": "0x" + "5e" * 20, "amount": "1", "time": 1687816341423}
    sent, signature = Signer(KEY, is_mainnet=False).sign_user_action(
        asked, sdk.USD_SEND_SIGN_TYPES, "HyperliquidTransaction:UsdSend"
    )
    assert sent["hyperliquidChain"] == "Testnet"
    assert signature == sdk.sign_usd_transfer_action(WALLET, dict(asked), False)


@pytest.mark.parametrize("show", [repr, str, lambda signer: f"{signer}", lambda signer: repr([signer])])
def test_a_signer_shows_its_address_and_never_its_key(show: Any) -> None:
    shown = show(Signer(KEY, is_mainnet=True))
    assert WALLET.address.lower() in shown
    assert KEY.removeprefix("0x")[:8] not in shown


@pytest.mark.parametrize("move", [pickle.dumps, copy.deepcopy, copy.copy])
def test_a_signer_does_not_leave_its_process(move: Any) -> None:
    with pytest.raises(TypeError, match="does not leave"):
        move(Signer(KEY, is_mainnet=True))


@pytest.mark.parametrize("key", ["", "secret-word", KEY[:-1], KEY + "00", "0x" + "00" * 32, "0x" + "ff" * 32])
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Signer(key, is_mainnet=True)
    assert raised.value.__cause__ is None
    assert not key or key not in str(raised.value)
    assert raised.value.__suppress_context__
