"""From a file to a checked fleet: text, YAML, variables, models, strategies, and what must hold between them.

Everything that is wrong is found in one pass as far as it can be: a check that needs two sections runs when both are
right by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from adapters.model import Symbol, WalletId
from config import consistency
from config.bot_section import Bot
from config.fleet_file import BotsFile, FleetFile, Risk
from config.market_section import Market, ReplayMarket, SyntheticMarket, VenueMarket
from config.problems import KeyPath
from config.settings import effective_settings
from config.source import Source
from config.spec import BotSpec, FleetSpec
from config.strategy_fields import CheckedStrategy, FieldProblems, check_strategy
from config.user_code import folder_of, importable
from config.wallet_section import Limits
from config.wording import findings
from risk.limits import FleetLimits, WalletLimits

_Model = TypeVar("_Model", bound=BaseModel)
_MARKET: TypeAdapter[SyntheticMarket | ReplayMarket | VenueMarket] = TypeAdapter(Market)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFleet:
    """A fleet file that is right.

    ``package_folder`` holds the user's own strategy modules, to be packed for the other machines; ``None`` when all
    strategies are built in or installed. ``settings`` are all keys in force as plain values, secrets masked: see
    ``config.settings.render``. ``secrets`` are what each live wallet signs with, for its own machine alone;
    ``model_keys`` are those of language models, by the name of their variable.
    """

    spec: FleetSpec
    package_folder: Path | None
    settings: Mapping[str, Any]
    secrets: Mapping[WalletId, Mapping[str, str]] = field(repr=False)
    model_keys: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBots:
    """A bots file that is right; see ``LoadedFleet``."""

    bots: tuple[BotSpec, ...]
    package_folder: Path | None
    settings: Mapping[str, Any]
    model_keys: Mapping[str, str] = field(repr=False)


def read_fleet(path: Path, *, environ: Mapping[str, str], search_path: Sequence[Path] = ()) -> LoadedFleet:
    """The fleet that a file describes.

    Args:
        path: of the YAML file.
        environ: the variables that ``${VAR}`` may name, before those of the file's ``env_file``.
        search_path: where else than beside the file a user's own strategy modules may lie.

    Raises:
        FleetFileError: with every problem of the file, a line each.
    """
    source = Source(path, environ=environ)
    if isinstance(source.values, list):
        source.add((), "is a list; a list of bots is for `flotilla bots add`, a fleet file has keys")
        raise source.error()
    file = _checked(FleetFile, source)
    risk = _section(Risk, source.values, "risk") if isinstance(source.values, dict) else None
    market = _market(source)
    if risk is not None:
        _check_wallet_limits(source, risk)
    wallets = _wallet_names(source)
    source.add_all(consistency.clashing_wallets(wallets or ()))
    bots = _Bots(source, [path.parent, *search_path])
    bots.check(
        running=(),
        wallets=wallets,
        symbols=market.spec(path.parent).symbols if market is not None else None,
        limits=risk.limits() if risk is not None else None,
        deadline=file.decision.deadline if file is not None else None,
    )
    if file is not None:
        for name, wallet in file.wallets.items():
            source.add_all(wallet.flaws(), under=("wallets", name))
        source.add_all(consistency.foreign_markets(file.spec(bots.specs, path.parent)))
    if file is None or not source.is_sound:
        raise source.error()
    spec = file.spec(bots.specs, path.parent)
    settings = {"fleet": spec.fleet, "store": spec.store} | effective_settings(file, bots.strategies)
    secrets = {WalletId(name): wallet.secrets for name, wallet in file.wallets.items() if wallet.secrets}
    return LoadedFleet(
        spec=spec,
        package_folder=bots.package_folder,
        settings=settings,
        secrets=secrets,
        model_keys=bots.model_keys,
    )


def read_bots(
    path: Path, *, fleet: FleetSpec, environ: Mapping[str, str], search_path: Sequence[Path] = ()
) -> LoadedBots:
    """The bots that a file adds to a running fleet; the file has ``bots:`` and perhaps ``env_file:``, or is a list.

    Args:
        path: of the YAML file.
        fleet: as it runs; names, wallets and symbols must fit it.
        environ: as of ``read_fleet``.
        search_path: as of ``read_fleet``.

    Raises:
        FleetFileError: with every problem of the file, a line each.
    """
    source = Source(path, environ=environ)
    if isinstance(source.values, list):
        source.wrap("bots")
    elif isinstance(source.values, dict) and {"fleet", "wallets"} & set(source.values):
        source.add((), "is a fleet file; give it to `flotilla up`, or keep only its bots: and env_file:")
        raise source.error()
    file = _checked(BotsFile, source)
    bots = _Bots(source, [path.parent, *search_path])
    bots.check(
        running=fleet.bots,
        wallets=tuple(wallet.name for wallet in fleet.wallets),
        symbols=fleet.market.symbols,
        limits=fleet.limits,
        deadline=fleet.decision_deadline,
    )
    if file is None or not source.is_sound:
        raise source.error()
    settings = effective_settings(file, bots.strategies)
    return LoadedBots(
        bots=bots.specs, package_folder=bots.package_folder, settings=settings, model_keys=bots.model_keys
    )


class _Bots:
    """The bots of one file, as far as they are right."""

    def __init__(self, source: Source, folders: Sequence[Path]) -> None:
        self._source = source
        self._folders = folders
        self._placed: list[consistency.Placed] = []
        self.strategies: list[CheckedStrategy] = []
        self.package_folder: Path | None = None
        self.model_keys: dict[str, str] = {}
        with importable(folders):
            for path, values, written in _items(source):
                self._read(path, values, written)

    @property
    def specs(self) -> tuple[BotSpec, ...]:
        return tuple(bot for _, bot in self._placed)

    def check(
        self,
        *,
        running: Sequence[BotSpec],
        wallets: Sequence[str] | None,
        symbols: Sequence[Symbol] | None,
        limits: FleetLimits | None,
        deadline: timedelta | None,
    ) -> None:
        """Book what does not fit together; ``None`` is a section that is wrong itself."""
        bots = [*(((), bot) for bot in running), *self._placed]
        self._source.add_all(consistency.clashing_names(bots))
        self._source.add_all(consistency.clashing_symbols(bots))
        if wallets is not None:
            self._source.add_all(consistency.unknown_wallets(self._placed, wallets))
        if symbols is not None:
            self._source.add_all(consistency.unknown_symbols(self._placed, symbols))
        if limits is not None:
            self._source.add_all(consistency.idle_weights(self._placed, limits))
        if deadline is not None:
            models = [strategy.model for strategy in self.strategies]
            paths = [path for path, _ in self._placed]
            self._source.add_all(consistency.late_models(list(zip(paths, models, strict=True)), deadline))

    def _read(self, path: KeyPath, values: Any, written: Any) -> None:
        choice = values.get("strategy") if isinstance(values, dict) else None
        fields = {"kind": choice} if isinstance(choice, str) else choice
        if not isinstance(fields, dict) or not isinstance(fields.get("kind"), str):
            return
        shown = written["strategy"]
        strategy = self._strategy(path, fields, shown if isinstance(shown, dict) else {})
        try:
            bot = Bot.model_validate(values)
        except ValidationError:
            return  # booked with the whole file
        if strategy is not None:
            self.strategies.append(strategy)
            self._placed.append((path, bot.spec(strategy.spec, strategy.symbols)))

    def _strategy(self, path: KeyPath, fields: Mapping[str, Any], written: Any) -> CheckedStrategy | None:
        kind = fields["kind"]
        under = (*path, "strategy")
        try:
            own = {name: value for name, value in fields.items() if name != "kind"}
            strategy = check_strategy(kind, own, written, self._source.path.parent)
        except FieldProblems as error:
            self._source.add_all(error.problems, under=under)
            return None
        self.model_keys |= strategy.keys
        for module in strategy.spec.own_modules:
            folder = folder_of(module, self._folders)
            self.package_folder = self.package_folder or folder
            if folder not in (None, self.package_folder):
                what = f"this one's is {folder}, another's {self.package_folder}"
                self._source.add(under, f"a file's own modules must lie in one folder; {what}")
        return strategy


def _checked(model: type[_Model], source: Source) -> _Model | None:
    try:
        return model.model_validate(source.values)
    except ValidationError as error:
        source.add_all(findings(error, source.written, model))
        return None


def _section(model: type[_Model], values: Mapping[str, Any], key: str) -> _Model | None:
    try:
        return model.model_validate(values.get(key, {}))
    except ValidationError:
        return None


def _market(source: Source) -> SyntheticMarket | ReplayMarket | VenueMarket | None:
    try:
        market = _MARKET.validate_python(source.values.get("market", {}))
    except (ValidationError, AttributeError):
        return None
    if isinstance(market, ReplayMarket):
        for symbol, file in market.files.items():
            if not (source.path.parent / file).is_file():
                written = source.written["market"]["files"][symbol]
                source.add(
                    ("market", "files", symbol),
                    f"there is no file {written}; paths are relative to this file",
                )
    return market


def _check_wallet_limits(source: Source, risk: Risk) -> None:
    wallets = source.values.get("wallets")
    for name, wallet in wallets.items() if isinstance(wallets, dict) else ():
        limits = _section(Limits, wallet, "limits") if isinstance(wallet, dict) else None
        if limits is not None:
            wider = consistency.wider_than_the_fleet(limits.into(WalletLimits), risk.limits())
            source.add_all(wider, under=("wallets", name, "limits"))


def _wallet_names(source: Source) -> tuple[str, ...] | None:
    wallets = source.values.get("wallets") if isinstance(source.values, dict) else None
    return tuple(wallets) if isinstance(wallets, dict) else None


def _items(source: Source) -> list[tuple[KeyPath, Any, Any]]:
    values = source.values.get("bots") if isinstance(source.values, dict) else None
    if not isinstance(values, list):
        return []
    written = source.written["bots"]
    return [(("bots", place), value, written[place]) for place, value in enumerate(values)]
