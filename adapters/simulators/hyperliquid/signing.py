"""Who signed it? The venue is never told; it computes the address from the signature."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.exceptions import BadSignature
from hyperliquid.utils.signing import (
    USD_CLASS_TRANSFER_SIGN_TYPES,
    USD_SEND_SIGN_TYPES,
    recover_agent_or_user_from_l1_action,
    user_signed_payload,
)

from adapters.simulators.hyperliquid.refusals import Refused
from adapters.simulators.hyperliquid.requests import (
    ApproveAgent,
    ApproveBuilderFee,
    Request,
    TradeAction,
    UsdClassTransfer,
    UsdSend,
    UserAction,
)

_CHAIN = {"name": "hyperliquidChain", "type": "string"}
_NONCE = {"name": "nonce", "type": "uint64"}
_TYPES: Mapping[type[UserAction], tuple[str, list[dict[str, str]]]] = MappingProxyType(
    {
        ApproveAgent: (
            "ApproveAgent",
            [
                _CHAIN,
                {"name": "agentAddress", "type": "address"},
                {"name": "agentName", "type": "string"},
                _NONCE,
            ],
        ),
        ApproveBuilderFee: (
            "ApproveBuilderFee",
            [
                _CHAIN,
                {"name": "maxFeeRate", "type": "string"},
                {"name": "builder", "type": "address"},
                _NONCE,
            ],
        ),
        UsdClassTransfer: ("UsdClassTransfer", USD_CLASS_TRANSFER_SIGN_TYPES),
        UsdSend: ("UsdSend", USD_SEND_SIGN_TYPES),
    }
)


def trade_signer(request: Request, action: TradeAction, *, mainnet: bool) -> str:
    """Who signed an action that an API wallet may sign too; the address in lower case.

    Raises:
        Refused: the signature is none.
    """
    signature = {"r": request.signature.r, "s": request.signature.s, "v": request.signature.v}
    vault = None if request.vaultAddress is None else address(request.vaultAddress)
    try:
        found: str = recover_agent_or_user_from_l1_action(
            msgspec.to_builtins(action), signature, vault, request.nonce, request.expiresAfter, mainnet
        )
    except (ValueError, TypeError, OverflowError, BadSignature) as error:
        raise Refused("Unable to recover signer.") from error
    return found.lower()


def user_signer(request: Request, action: UserAction, *, mainnet: bool) -> str:
    """Who signed an action that a wallet shows to its owner; the address in lower case.

    Raises:
        Refused: the signature is none, is for the other chain, or the nonces differ.
    """
    if action.hyperliquidChain != ("Mainnet" if mainnet else "Testnet"):
        raise Refused("Mainnet and testnet require different signature.")
    if (action.time if isinstance(action, UsdSend) else action.nonce) != request.nonce:
        raise Refused("Nonce mismatch.")
    name, types = _TYPES[type(action)]
    message: dict[str, Any] = {"agentName": "", **request.action}
    signature = request.signature
    try:
        payload = user_signed_payload(f"HyperliquidTransaction:{name}", types, message)
        found: str = Account.recover_message(
            encode_typed_data(full_message=payload), vrs=(signature.v, signature.r, signature.s)
        )
    except (ValueError, TypeError, KeyError, OverflowError, BadSignature) as error:
        raise Refused("Unable to recover signer.") from error
    return found.lower()


def address(text: str) -> str:
    """The usual form: lower case, with the prefix that some clients leave out."""
    lower = text.lower()
    return lower if lower.startswith("0x") else f"0x{lower}"
