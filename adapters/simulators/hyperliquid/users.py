"""Who exists, and who may act for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from adapters.simulators.hyperliquid.refusals import Refused
from adapters.simulators.hyperliquid.wire import millis, moment

AGENT_LIVES = timedelta(days=90)
AGENT_LIVES_MAX = timedelta(days=180)
NAMED_AGENTS_MAX = 3
NAME_MAX = 16
NOBODY = "0x" + 40 * "0"
_VALID_UNTIL = " valid_until "


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A key that may trade for a user. The one without a name is the app's own."""

    address: str
    user: str
    name: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """An account without a key of its own: a vault, or a sub-account with its name."""

    address: str
    owner: str
    name: str | None


class Users:
    """All users, API wallets, vaults and sub-accounts. Addresses are in lower case."""

    def __init__(self) -> None:
        self._users: dict[str, None] = {}
        self._agents: dict[str, Agent] = {}
        self._owned: dict[str, Owned] = {}

    def add(self, user: str) -> None:
        self._users[user] = None

    def exists(self, user: str) -> bool:
        return user in self._users

    def acting_for(self, signer: str, vault: str | None, now: datetime) -> str:
        """Whose account an action of the signer is about.

        Raises:
            Refused: the signer is nobody, or the vault is not his.
        """
        user = signer
        if signer not in self._users:
            agent = self._agents.get(signer)
            if agent is None or agent.until <= now:
                raise Refused(f"User or API Wallet {signer} does not exist.")
            user = agent.user
        if vault is None:
            return user
        owned = self._owned.get(vault)
        if owned is None or owned.owner != user:
            raise Refused(f"Vault not registered: {vault}")
        return vault

    def approve(self, user: str, address: str, name: str, now: datetime) -> str | None:
        """Let a key act for a user, in the place of the one of that name; the zero address leaves it empty.

        Returns:
            The address that may not act any more.

        Raises:
            Refused: the name is too long or its date is impossible, the key is taken, or there are enough.
        """
        name, until = _named(name, now)
        old = next((a for a in self._agents.values() if (a.user, a.name) == (user, name)), None)
        if address != NOBODY:
            if address in self._agents or address in self._users:
                raise Refused("Extra agent already used.")
            if name and old is None and len(self.named_agents(user)) >= NAMED_AGENTS_MAX:
                raise Refused(
                    f"Too many extra agents for cumulative volume traded. Current limit is {NAMED_AGENTS_MAX}"
                )
            self._agents[address] = Agent(address=address, user=user, name=name, until=until)
        if old is None:
            return None
        del self._agents[old.address]
        return old.address

    def named_agents(self, user: str) -> list[Agent]:
        return [agent for agent in self._agents.values() if agent.user == user and agent.name]

    def agent(self, address: str) -> Agent | None:
        return self._agents.get(address)

    def owned(self, address: str) -> Owned | None:
        return self._owned.get(address)

    def sub_accounts(self, user: str) -> list[Owned]:
        return [owned for owned in self._owned.values() if owned.owner == user and owned.name is not None]

    def add_sub_account(self, user: str, name: str) -> str:
        """A new account of the user; its address."""
        seed = f"{user} {name} {len(self._owned)}".encode()
        address = "0x" + blake2b(seed, digest_size=20).hexdigest()
        self._owned[address] = Owned(address=address, owner=user, name=name)
        return address

    def add_vault(self, address: str, leader: str) -> None:
        """Register a vault that its leader may trade for."""
        self._owned[address] = Owned(address=address, owner=leader, name=None)


def _named(text: str, now: datetime) -> tuple[str, datetime]:
    name, marked, stamp = text.partition(_VALID_UNTIL)
    if len(name) > NAME_MAX:
        raise Refused("Extra agent name must be between 1 and 16 characters long")
    if not marked:
        return name, now + AGENT_LIVES
    if not stamp.isdigit() or not millis(now) < int(stamp) <= millis(now + AGENT_LIVES_MAX):
        raise Refused("Agent valid_until already expired.")
    return name, moment(int(stamp))
