"""Signatures of Hyperliquid's actions, byte for byte the official SDK's.

An order, a cancel and everything else that trades is an *L1 action*: its msgpack bytes, nonce, vault and expiry are
hashed to a "phantom agent", which is signed as EIP-712 typed data. Domain and type never change, so their hashes are
made once, and what is left is four hashes and one signature. The rest of the protocol, which moves money and approves
agents, is signed by the SDK's own functions, and rarely.

Source: hyperliquid-python-sdk, ``hyperliquid.utils.signing``; EIP-712.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgpack
from coincurve import PrivateKey
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from hyperliquid.utils import signing as sdk

from adapters.errors import ConfigError

Signature = Mapping[str, str | int]

_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_AGENT_TYPE = keccak(b"Agent(string source,bytes32 connectionId)")
_CHAIN_ID = 1337
_DOMAIN = keccak(
    keccak(_DOMAIN_TYPE) + keccak(b"Exchange") + keccak(b"1") + _CHAIN_ID.to_bytes(32, "big") + bytes(32)
)
_PREFIX = b"\x19\x01" + _DOMAIN
_SOURCES = {is_mainnet: keccak(b"a" if is_mainnet else b"b") for is_mainnet in (True, False)}


class Signer:
    """A private key that signs for one network. It shows its address, never the key.

    Args:
        key: 32 bytes in hexadecimal: the account's own, or an API wallet's ("agent") that the account has approved.
        is_mainnet: which network the signatures are for.

    Raises:
        ConfigError: it is no private key. The text does not repeat it.
    """

    __slots__ = ("_is_mainnet", "_key", "_wallet", "address")

    def __init__(self, key: str, *, is_mainnet: bool) -> None:
        try:
            if not _KEY.fullmatch(key):  # a digit that is missing would be taken for a leading zero
                raise ValueError
            self._wallet: LocalAccount = Account.from_key(key)
        except Exception:
            raise ConfigError("the Hyperliquid key is no private key: 64 hexadecimal digits") from None
        self._key = PrivateKey(bytes(self._wallet.key))
        self._is_mainnet = is_mainnet
        self.address = self._wallet.address.lower()

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce__(self) -> Any:
        raise TypeError("a signer does not leave its process")

    def sign(
        self, action: Mapping[str, Any], nonce: int, *, vault: str | None, expires_after: int | None
    ) -> Signature:
        """Sign an L1 action. The order of the action's keys is part of what is signed.

        Args:
            action: as it is sent.
            nonce: epoch milliseconds.
            vault: the vault's or sub-account's address, if it is traded for.
            expires_after: epoch milliseconds after which the exchange refuses the action.
        """
        agent = keccak(
            _AGENT_TYPE + _SOURCES[self._is_mainnet] + action_hash(action, nonce, vault, expires_after)
        )
        signed = self._key.sign_recoverable(keccak(_PREFIX + agent), hasher=None)
        return {
            "r": hex(int.from_bytes(signed[:32], "big")),
            "s": hex(int.from_bytes(signed[32:64], "big")),
            "v": signed[64] + 27,
        }

    def sign_user_action(
        self, action: Mapping[str, Any], types: list[dict[str, str]], primary_type: str
    ) -> tuple[Mapping[str, Any], Signature]:
        """Sign an action that the account's owner signs himself, such as a transfer.

        Args:
            action: what is asked.
            types: of its signed fields, in their order.
            primary_type: the type's name: "HyperliquidTransaction:UsdSend".

        Returns:
            The action as it is to be sent, with chain and network in it, and the signature.
        """
        sent = dict(action)
        signature = sdk.sign_user_signed_action(self._wallet, sent, types, primary_type, self._is_mainnet)
        return sent, signature


def action_hash(action: Mapping[str, Any], nonce: int, vault: str | None, expires_after: int | None) -> bytes:
    """What an L1 action's signature is for: its content, nonce, vault and expiry."""
    data: bytes = msgpack.packb(action)
    data += nonce.to_bytes(8, "big")
    data += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault.removeprefix("0x"))
    if expires_after is not None:
        data += b"\x00" + expires_after.to_bytes(8, "big")
    return keccak(data)
