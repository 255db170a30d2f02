"""The keys of ``market:``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from adapters.model import Symbol
from config.field_types import Duration, Network, Number, Speed, StepDuration, SymbolName, Symbols
from config.section import Section
from config.spec import MarketSpec

_MARKET = MarketSpec()


class SyntheticMarket(Section):
    """A seeded random market."""

    source: Literal["synthetic"] = Field(
        "synthetic", description="Invented prices, the same for the same seed."
    )
    seed: Annotated[int, Number, Field(ge=0)] = Field(_MARKET.seed, description="Of the random numbers.")
    symbols: Symbols = Field(_MARKET.symbols, description="The markets there are.")
    step: StepDuration = Field(_MARKET.step, description="Market time from one quote to the next; 1ms to 1m.")
    speed: Speed = Field(
        _MARKET.speed, description="Market seconds per second; `max` is as fast as possible."
    )
    latency: Duration = Field(_MARKET.latency, description="From sending an order to the exchange having it.")

    def spec(self, folder: Path) -> MarketSpec:
        return self.into(MarketSpec)


class ReplayMarket(Section):
    """Recorded markets."""

    source: Literal["replay"] = Field(description="Recorded prices.")
    files: dict[SymbolName, Annotated[str, Field(min_length=1)]] = Field(
        min_length=1,
        description="The recording of each symbol: CSV, Parquet, Feather, zip or gz; paths from here.",
    )
    speed: Speed = Field(
        _MARKET.speed, description="Market seconds per second; `max` is as fast as possible."
    )
    loop: bool = Field(_MARKET.loop, description="Whether it begins again at its end.")
    latency: Duration = Field(_MARKET.latency, description="From sending an order to the exchange having it.")

    def spec(self, folder: Path) -> MarketSpec:
        return MarketSpec(
            source=self.source,
            symbols=tuple(map(Symbol, self.files)),
            files={Symbol(symbol): str((folder / file).absolute()) for symbol, file in self.files.items()},
            speed=self.speed,
            loop=self.loop,
            latency=self.latency,
        )


class VenueMarket(Section):
    """A venue's public data, live."""

    source: Literal["hyperliquid"] = Field(description="The venue whose prices these are.")
    network: Network = Field(
        _MARKET.network, description="`mainnet`, `testnet`, or the base URL of a venue of one's own."
    )
    symbols: Symbols = Field(_MARKET.symbols, description="The markets to follow.")
    latency: Duration = Field(
        _MARKET.latency, description="From sending an order to the paper exchange having it, in paper mode."
    )

    def spec(self, folder: Path) -> MarketSpec:
        return self.into(MarketSpec)


def _synthetic_unless_told(value: Any) -> Any:
    return {"source": "synthetic", **value} if isinstance(value, dict) else value


Market = Annotated[
    Annotated[SyntheticMarket | ReplayMarket | VenueMarket, Field(discriminator="source")],
    BeforeValidator(_synthetic_unless_told),
]
