# ruff: noqa: E501
"""Fleet files that must be refused, each with what the message has to say. A plain list: the command line tests it too.

``beside`` are further files of the same folder. No message may show ``SECRET``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SECRET = "5ecr3t-planted-value"  # pragma: allowlist secret


@dataclass(frozen=True, slots=True)
class BadFile:
    """One file and the words its message must contain, the key among them."""

    name: str
    content: bytes
    expect: tuple[str, ...]
    beside: Mapping[str, bytes] = field(default_factory=dict)


def _fleet(*, fleet: str = "fleet: bad", top: str = "", wallet: str = "{}", bots: str = "") -> bytes:
    one = "- {name: one, wallet: alpha, strategy: hold}"
    listed = "\n".join(f"  {line}" for line in (bots or one).splitlines())
    return f"{fleet}\n{top}\nwallets:\n  alpha: {wallet}\nbots:\n{listed}\n".encode()


def _bot(extra: str = "", strategy: str = "hold", name: str = "one", wallet: str = "alpha") -> str:
    return f"- {{name: {name}, wallet: {wallet}, strategy: {strategy}{', ' if extra else ''}{extra}}}"


def _bad(name: str, content: bytes | str, *expect: str, **beside: bytes) -> BadFile:
    data = content.encode() if isinstance(content, str) else content
    return BadFile(name, data, expect, {key.replace("__", "."): value for key, value in beside.items()})


def _two(first: str, second: str) -> bytes:
    return _fleet(bots=f"{first}\n{second}")


_BOMB = "\n".join(
    [
        "fleet: bad",
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)),
    ]
)

_OWN = b"""
from dataclasses import dataclass
from datetime import timedelta

@dataclass(frozen=True, kw_only=True)
class Own:
    symbol: str
    wait: timedelta = timedelta(seconds=1)
    many: int = 1
    api_key: str = ""

    def __post_init__(self):
        if self.many > 5:
            raise ValueError(f"many: must be at most 5, is {self.many}")

    def decide(self, view):
        return ()

class Loose:
    def decide(self, view):
        return ()

@dataclass(frozen=True)
class Odd:
    thing: object()

    def decide(self, view):
        return ()

@dataclass(frozen=True)
class Crash:
    def __post_init__(self):
        raise RuntimeError("it broke")

    def decide(self, view):
        return ()
"""

MOMENTUM = "{kind: momentum, symbol: BTC}"

BAD_FILES: list[BadFile] = [
    # the file itself
    _bad("empty", b"", "is empty"),
    _bad("only_comments", b"# nothing yet\n\n", "is empty"),
    _bad("binary", bytes(range(256)) * 4, "binary"),
    _bad("not_utf8", b"fleet: caf\xe9\n", "not UTF-8", "line 1"),
    _bad("utf16", "fleet: bad\n".encode("utf-16"), "UTF-16", "UTF-8"),
    _bad("huge", b"# " + b"x" * (1 << 20), "larger than 1 MiB"),
    _bad("control_character", b"fleet: b\x07d\n", "character"),
    _bad("alias_bomb", _BOMB, "aliases"),
    _bad("recursive_alias", b"fleet: bad\nrisk: &r {on_breach: *r}\n", ":2", "contains itself"),
    _bad("too_deep", b"fleet: " + b"[" * 20_000, "nested too deeply"),
    _bad("tab_indent", b"fleet: bad\nrisk:\n\tlease_ttl: 2s\n", ":3", "tab", "spaces"),
    _bad("bad_indent", b"fleet: bad\n  risk: {}\n", "not YAML"),
    _bad("unclosed_bracket", b"fleet: bad\nwallets: {alpha: {}\nbots: []\n", "not YAML"),
    _bad("two_documents", b"fleet: bad\n---\nfleet: worse\n", "several YAML documents"),
    _bad("top_level_list", b"- {name: one}\n", "is a list", "flotilla bots add"),
    _bad("top_level_text", b"fleet\n", "is text", "mapping of keys"),
    _bad("top_level_number", b"12\n", "is a number", "mapping of keys"),
    _bad("python_tag", b"fleet: !!python/object/apply:os.system [ls]\n", "fleet", "tag"),
    _bad("own_tag", b"fleet: !mine bad\n", "fleet", "tag"),
    _bad("undefined_alias", f"fleet: bad\nwallets: {{alpha: {{key: *{SECRET}}}}}\n", "anchor", "quote"),
    _bad("special_character", f"fleet: bad\nwallets:\n  alpha:\n    key: @{SECRET}\n", ":4", "quotes"),
    _bad("list_as_key", b"fleet: bad\n? [a, b]\n: 1\n", ":2", "a key is a list"),
    _bad("merge_of_text", b"fleet: bad\nrisk: {<<: much}\n", "risk", "<<"),
    # keys
    _bad("duplicate_key", b"fleet: bad\nfleet: again\n", ":2: fleet", "twice", "line 1"),
    _bad("duplicate_wallet", "fleet: bad\nwallets:\n  a: {}\n  a: {}\n", ":4: wallets.a", "twice", "line 3"),
    _bad("unknown_top_key", _fleet(top="walets: {}"), ":2: walets", "did you mean wallets"),
    _bad("unknown_bot_key", _fleet(bots=_bot("decision_intervall: 1s")), "bots[0].decision_intervall", "mean decision_interval"),
    _bad("unknown_risk_key", _fleet(top="risk: {colour: red}"), "risk.colour", "there are:", "daily_loss_pct_max"),
    _bad("unknown_limit_key", _fleet(wallet="{limits: {open_orders: 4}}"), "wallets.alpha.limits.open_orders", "open_orders_max"),
    _bad("key_without_space", _fleet(wallet=f"{{venue: paper, key:{SECRET}}}"), "wallets.alpha.key:", "space after the colon"),
    _bad("replay_key_on_synthetic", _fleet(top="market: {loop: true}"), "market.loop", "does not belong to this source"),
    _bad("synthetic_key_on_replay", _fleet(top="market: {source: replay, files: {BTC: a.csv}, seed: 1}"), "market.seed", "does not belong", a__csv=b""),
    _bad("no_fleet_name", _fleet(fleet="store: sqlite:///a.db"), "fleet", "is missing"),
    _bad("no_wallets", b"fleet: bad\nbots: []\n", "wallets", "is missing"),
    _bad("empty_wallets", b"fleet: bad\nwallets: {}\n", "wallets", "write at least one"),
    _bad("bot_without_name", _fleet(bots="- {wallet: alpha, strategy: hold}"), ":6: bots[0].name", "is missing"),
    _bad("bot_without_wallet", _fleet(bots="- {name: one, strategy: hold}"), "bots[0].wallet", "is missing"),
    _bad("bot_without_strategy", _fleet(bots="- {name: one, wallet: alpha}"), "bots[0].strategy", "is missing"),
    _bad("strategy_without_kind", _fleet(bots=_bot(strategy="{symbol: BTC}")), "bots[0].strategy.kind", "is missing"),
    _bad("wallets_as_list", b"fleet: bad\nwallets: [alpha]\n", "wallets", "is a list", "mapping"),
    _bad("bots_as_mapping", b"fleet: bad\nwallets: {a: {}}\nbots: {one: {}}\n", "bots", "is a mapping", "list"),
    _bad("blank_section", _fleet(top="risk:"), "risk", "is empty", "mapping"),
    _bad("text_for_wallet", _fleet(wallet=SECRET), "wallets.alpha", "is text"),
    # names
    _bad("fleet_capitals", _fleet(fleet="fleet: Bad"), "fleet", "has capitals", "'bad'"),
    _bad("fleet_number", _fleet(fleet="fleet: 12"), "fleet", "is a number", "quotes"),
    _bad("fleet_boolean", _fleet(fleet="fleet: true"), "fleet", "is true or false"),
    _bad("fleet_path", _fleet(fleet="fleet: ../etc"), "fleet", "is no name"),
    _bad("fleet_too_long", _fleet(fleet=f"fleet: {'a' * 33}"), "fleet", "at most 31"),
    _bad("bot_named_on", _fleet(bots=_bot(name="on")), "bots[0].name", "truth value", "another name"),
    _bad("wallet_named_yes", _fleet(bots=_bot(wallet="yes")), "bots[0].wallet", "truth value"),
    _bad("wallet_named_off", b"fleet: bad\nwallets: {off: {}}\n", "wallets.off", "truth value"),
    _bad("bot_name_with_space", _fleet(bots=_bot(name="'my bot'")), "bots[0].name", "is no name"),
    _bad("bot_name_umlaut", _fleet(bots=_bot(name="bär")), "bots[0].name", "is no name"),
    _bad("wallet_name_digit", b"fleet: bad\nwallets: {1st: {}}\n", "wallets.1st", "is no name"),
    _bad("duplicate_bots", _two(_bot(), _bot()), ":7: bots[1].name", "'one' is taken by bots[0]"),
    _bad("bots_differ_by_case", _two(_bot(), _bot(name="One")), "bots[1].name", "only in case"),
    _bad("wallets_differ_by_case", b"fleet: bad\nwallets: {alpha: {}, Alpha: {}}\n", "wallets.Alpha", "only in case"),
    _bad("unknown_wallet", _fleet(bots=_bot(wallet="alpah")), "bots[0].wallet", "no wallet 'alpah'", "did you mean 'alpha'"),
    _bad("unknown_wallet_far", _fleet(bots=_bot(wallet="zzz")), "bots[0].wallet", "there are: alpha"),
    # durations
    _bad("bare_duration", _fleet(bots=_bot("decision_interval: 15")), "decision_interval", "no unit", "15s or 15m"),
    _bad("bare_float_duration", _fleet(top="risk: {lease_ttl: 2.5}"), "risk.lease_ttl", "no unit", "2.5s"),
    _bad("quoted_bare_duration", _fleet(bots=_bot("stop_grace: '5'")), "stop_grace", "no unit"),
    _bad("wrong_unit", _fleet(bots=_bot("stop_grace: 5sec")), "bots[0].stop_grace", "'5sec' is not a duration"),
    _bad("units_out_of_order", _fleet(bots=_bot("stop_grace: 5s1m")), "stop_grace", "not a duration"),
    _bad("negative_duration", _fleet(bots=_bot("decision_interval: -5s")), "decision_interval", "not a duration"),
    _bad("zero_interval", _fleet(bots=_bot("decision_interval: 0s")), "decision_interval", "above zero"),
    _bad("endless_duration", _fleet(bots=_bot("heartbeat_timeout: 99999999999d")), "heartbeat_timeout", "too long"),
    _bad("too_fine_duration", _fleet(bots=_bot("stop_grace: 0.1us")), "stop_grace", "microsecond"),
    _bad("boolean_duration", _fleet(bots=_bot("stop_grace: true")), "stop_grace", "truth value"),
    _bad("list_duration", _fleet(bots=_bot("stop_grace: [5s]")), "stop_grace"),
    _bad("clock_time", _fleet(bots=_bot("stop_grace: 12:30")), "stop_grace", "'12:30' is not a duration"),
    _bad("lease_too_short", _fleet(top="risk: {lease_ttl: 100ms}"), "risk.lease_ttl", "1s to 1m"),
    _bad("lease_too_long", _fleet(top="risk: {lease_ttl: 5m}"), "risk.lease_ttl", "1s to 1m"),
    # numbers
    _bad("negative_limit", _fleet(top="risk: {gross_notional_usd_max: -1}"), "gross_notional_usd_max", "above 0"),
    _bad("zero_limit", _fleet(wallet="{limits: {order_notional_usd_max: 0}}"), "order_notional_usd_max", "above 0"),
    _bad("percent_sign", _fleet(top="risk: {daily_loss_pct_max: 5%}"), "daily_loss_pct_max", "no number"),
    _bad("percent_above_100", _fleet(top="risk: {daily_loss_pct_max: 101}"), "daily_loss_pct_max", "100 or less"),
    _bad("infinite_limit", _fleet(top="risk: {gross_notional_usd_max: inf}"), "gross_notional_usd_max", "no number"),
    _bad("not_a_number", _fleet(top="risk: {gross_notional_usd_max: .nan}"), "gross_notional_usd_max", "no number"),
    _bad("infinite_threshold", _fleet(bots=_bot("exec_guards: {sharpe_pause_threshold: inf}")), "sharpe_pause_threshold", "no number"),
    _bad("number_too_large", _fleet(top="risk: {gross_notional_usd_max: 1e999}"), "gross_notional_usd_max", "digits"),
    _bad("number_too_precise", _fleet(wallet="{equity_usd: 0.12345678901234567890}"), "wallets.alpha.equity_usd", "in quotes"),
    _bad("leverage_zero", _fleet(bots=_bot("risk_params: {altcoin_leverage: 0}")), "risk_params.altcoin_leverage", "1 or more"),
    _bad("leverage_fraction", _fleet(bots=_bot("risk_params: {altcoin_leverage: 1.5}")), "altcoin_leverage", "whole number"),
    _bad("leverage_boolean", _fleet(bots=_bot("risk_params: {altcoin_leverage: true}")), "altcoin_leverage", "truth value"),
    _bad("confidence_above_100", _fleet(bots=_bot("risk_params: {min_confidence: 101}")), "min_confidence", "100 or less"),
    _bad("negative_crashes", _fleet(bots=_bot("restart: {crashes_max: -1}")), "restart.crashes_max", "0 or more"),
    _bad("backoff_above_max", _fleet(bots=_bot("restart: {backoff: 2m}")), "bots[0].restart", "backoff_max"),
    _bad("crossed_band", _fleet(bots=_bot("exec_guards: {alt_position_value_min_equity_multiple: 9}")), "exec_guards", "alt_position_value_min"),
    _bad("crossed_shares", _fleet(top="risk: {portfolio: {bot_share_min_pct: 60}}"), "risk.portfolio", "bot_share_max_pct"),
    _bad("unknown_policy", _fleet(top="risk: {portfolio: {policy: luck}}"), "risk.portfolio.policy", "'luck'", "weights"),
    _bad("factor_above_one", _fleet(top="risk: {portfolio: {performance_factor_min: 1.1}}"), "performance_factor_min", "1 or less"),
    _bad("idle_weight", _fleet(bots=_bot("weight: 2")), "bots[0].weight", "risk.portfolio"),
    _bad("wallet_above_fleet", _fleet(wallet="{limits: {gross_notional_usd_max: 200000}}"), "wallets.alpha.limits.gross_notional_usd_max", "at most 100000"),
    _bad("order_above_wallet", _fleet(wallet="{limits: {gross_notional_usd_max: 10, order_notional_usd_max: 11}}"), "order_notional_usd_max", "at most 10"),
    _bad("no_actors", _fleet(top="decision: {actors: 0}"), "decision.actors", "1 or more"),
    # choices
    _bad("unknown_halt", _fleet(top="risk: {on_breach: panic}"), "risk.on_breach", "'panic'", "flatten"),
    _bad("unknown_exit", _fleet(bots=_bot("on_stop: run")), "bots[0].on_stop", "'run'", "protect"),
    _bad("boolean_word", _fleet(bots=_bot("shared_symbol: maybe")), "shared_symbol", "true nor false"),
    _bad("live_mode", _fleet(wallet="{mode: live}"), ":4: wallets.alpha.mode", "no live mode"),
    _bad("other_venue", _fleet(wallet="{venue: binance}"), "wallets.alpha.venue", "'binance' is not available", "paper"),
    _bad("unknown_journal", _fleet(wallet="{journal: none}"), "wallets.alpha.journal", "fsync"),
    _bad("other_store", _fleet(top="store: mysql://root@localhost/x"), "store", "sqlite:///"),
    _bad("store_in_memory", _fleet(top="store: 'sqlite://'"), "store", "sqlite:///"),
    _bad("store_leaves_home", _fleet(top="store: sqlite:///../other.db"), "store", "leaves its folder"),
    # market
    _bad("unknown_source", _fleet(top="market: {source: crystal_ball}"), "market.source", "'synthetic', 'replay'"),
    _bad("no_symbols", _fleet(top="market: {symbols: []}"), "market.symbols", "at least one symbol"),
    _bad("symbols_as_text", _fleet(top="market: {symbols: BTC}"), "market.symbols", "is text", "list"),
    _bad("symbol_twice", _fleet(top="market: {symbols: [BTC, BTC]}"), "market.symbols", "BTC is here twice"),
    _bad("symbol_with_space", _fleet(top="market: {symbols: ['B C']}"), "market.symbols[0]", "is no symbol"),
    _bad("step_too_long", _fleet(top="market: {step: 2m}"), "market.step", "1ms to 1m"),
    _bad("negative_seed", _fleet(top="market: {seed: -1}"), "market.seed", "0 or more"),
    _bad("speed_zero", _fleet(top="market: {speed: 0}"), "market.speed", "max"),
    _bad("speed_word", _fleet(top="market: {speed: fast}"), "market.speed", "max"),
    _bad("replay_without_files", _fleet(top="market: {source: replay}"), "market.files", "is missing"),
    _bad("replay_file_missing", _fleet(top="market: {source: replay, files: {BTC: gone.csv}}"), "market.files.BTC", "no file gone.csv"),
    # strategies
    _bad("unknown_kind", _fleet(bots=_bot(strategy="momentun")), "bots[0].strategy", "did you mean 'momentum'"),
    _bad("kind_number", _fleet(bots=_bot(strategy="{kind: 5}")), "bots[0].strategy.kind", "is a number"),
    _bad("strategy_list", _fleet(bots=_bot(strategy="[hold]")), "bots[0].strategy", "is a list"),
    _bad("strategy_field_missing", _fleet(bots=_bot(strategy="momentum")), "bots[0].strategy.symbol", "is missing"),
    _bad("strategy_unknown_field", _fleet(bots=_bot(strategy="{kind: momentum, symbol: BTC, slwo: 9}")), "strategy.slwo", "did you mean slow"),
    _bad("strategy_bare_duration", _fleet(bots=_bot(strategy="{kind: momentum, symbol: BTC, bar_interval: 60}")), "strategy.bar_interval", "60s or 60m"),
    _bad("strategy_wrong_number", _fleet(bots=_bot(strategy="{kind: momentum, symbol: BTC, fast: quick}")), "strategy.fast", "whole number"),
    _bad("strategy_own_check", _fleet(bots=_bot(strategy="{kind: momentum, symbol: BTC, fast: 30}")), "bots[0].strategy.fast", "below slow"),
    _bad("strategy_text_for_list", _fleet(bots=_bot(strategy="{kind: advised, candidates: BTC}")), "strategy.candidates", "is text", "list"),
    _bad("unknown_executor", _fleet(bots=_bot(strategy="{kind: advised, candidates: [BTC], executor: oracle}")), "strategy.executor", "oracle", "quant"),
    _bad("symbol_not_in_market", _fleet(bots=_bot(strategy="{kind: momentum, symbol: DOGE}")), "bots[0].strategy", "no DOGE", "BTC, ETH, SOL"),
    _bad("symbol_owned_twice", _two(_bot(strategy=MOMENTUM), _bot(strategy=MOMENTUM, name="two")), "bots[1].strategy", "BTC", "'one'", "shared_symbol: true"),
    _bad("symbol_shared_by_one", _two(_bot("shared_symbol: true", MOMENTUM), _bot(strategy=MOMENTUM, name="two")), "bots[1].strategy", "in both"),
    _bad("own_module_missing", _fleet(bots=_bot(strategy="nowhere_at_all:Own")), "bots[0].strategy.kind", "nowhere_at_all"),
    _bad("own_class_missing", _fleet(bots=_bot(strategy="'own:Other'")), "bots[0].strategy.kind", "Other", own__py=_OWN),
    _bad("own_class_no_dataclass", _fleet(bots=_bot(strategy="'own:Loose'")), "bots[0].strategy.kind", "frozen dataclass", own__py=_OWN),
    _bad("own_module_broken", _fleet(bots=_bot(strategy="'own:Own'")), "bots[0].strategy.kind", "own", own__py=b"def ("),
    _bad("own_module_raises", _fleet(bots=_bot(strategy="'own:Own'")), "bots[0].strategy.kind", "ZeroDivisionError", own__py=b"1 / 0"),
    _bad("own_field_type", _fleet(bots=_bot(strategy="'own:Odd'")), "bots[0].strategy.kind", "no file can hold", own__py=_OWN),
    _bad("own_field_wrong", _fleet(bots=_bot(strategy="{kind: 'own:Own', symbol: BTC, wait: 5}")), "strategy.wait", "5s or 5m", own__py=_OWN),
    _bad("own_check_raises", _fleet(bots=_bot(strategy="{kind: 'own:Own', symbol: BTC, many: 6}")), "strategy.many", "at most 5", own__py=_OWN),
    _bad("own_check_crashes", _fleet(bots=_bot(strategy="'own:Crash'")), "bots[0].strategy", "it broke", own__py=_OWN),
    _bad("own_secret", _fleet(bots=_bot(strategy=f"{{kind: 'own:Own', symbol: BTC, api_key: {SECRET}}}")), "strategy.api_key", "looks like a secret", own__py=_OWN),
    # variables and secrets
    _bad("missing_variable", _fleet(wallet="{key: ${NOT_SET_ANYWHERE}}"), ":4: wallets.alpha.key", "NOT_SET_ANYWHERE is not set"),
    _bad("missing_in_env_file", _fleet(top="env_file: my.env", wallet="{key: ${NOT_SET_ANYWHERE}}"), "NOT_SET_ANYWHERE", "in my.env", my__env=b"A=1\n"),
    _bad("unclosed_variable", _fleet(wallet="{account: '${DESK'}"), "wallets.alpha.account", "never closed"),
    _bad("variable_with_default", _fleet(wallet="{account: '${DESK:-x}'}"), "wallets.alpha.account", "no variable name"),
    _bad("cyclic_variables", _fleet(top="env_file: my.env", wallet="{key: ${A}}"), "wallets.alpha.key", "circle: A -> B -> A", my__env=b"A=${B}\nB=${A}\n"),
    _bad("variable_of_itself", _fleet(top="env_file: my.env", wallet="{key: ${A}}"), "circle: A -> A", my__env=b"A=x${A}\n"),
    _bad("variable_needs_missing", _fleet(top="env_file: my.env", wallet="{key: ${A}}"), "NOT_SET_ANYWHERE is not set (needed by A)", my__env=b"A=${NOT_SET_ANYWHERE}\n"),
    _bad("exploding_variables", _fleet(top="env_file: my.env", wallet="{key: ${A20}}"), "longer than", my__env=b"A0=xxxx\n" + "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 21)).encode()),
    _bad("env_file_missing", _fleet(top="env_file: gone.env"), ":2: env_file", "does not exist", "gone.env"),
    _bad("env_file_number", _fleet(top="env_file: 5"), "env_file", "is a number"),
    _bad("env_file_binary", _fleet(top="env_file: my.env"), "env_file", "binary", my__env=b"\0\1\2"),
    _bad("env_file_garbage", _fleet(top="env_file: my.env"), "my.env:2", "NAME=value", my__env=f"A=1\nB='{SECRET}\n".encode()),
    _bad("env_file_without_value", _fleet(top="env_file: my.env"), "my.env:1", "LONELY has no value", my__env=b"LONELY\n"),
    _bad("empty_key", _fleet(wallet="{key: ''}"), "wallets.alpha.key", "is empty"),
    _bad("null_key", _fleet(wallet="{secret: }"), "wallets.alpha.secret", "is empty", "${NAME}"),
    _bad("key_as_number", _fleet(wallet="{key: 123456789}"), "wallets.alpha.key", "is a number"),
    _bad("key_as_mapping", _fleet(wallet=f"{{key: {{hex: {SECRET}}}}}"), "wallets.alpha.key", "is a mapping"),
    _bad("secret_in_number", _fleet(top="env_file: my.env", wallet="{equity_usd: ${KEY}}"), "equity_usd", "'${KEY}' is no number", my__env=f"KEY={SECRET}\n".encode()),
    _bad("secret_in_duration", _fleet(top="env_file: my.env", bots=_bot("stop_grace: ${KEY}")), "stop_grace", "${KEY}", my__env=f"KEY={SECRET}\n".encode()),
    _bad("secret_in_name", _fleet(top="env_file: my.env", bots=_bot(wallet="${KEY}")), "bots[0].wallet", my__env=f"KEY={SECRET}\n".encode()),
    _bad("secret_in_choice", _fleet(top="env_file: my.env", wallet="{journal: ${KEY}}"), "'${KEY}' is not available", my__env=f"KEY={SECRET}\n".encode()),
    _bad("secret_in_kind", _fleet(top="env_file: my.env", bots=_bot(strategy="${KEY}")), "bots[0].strategy", my__env=f"KEY={SECRET}\n".encode()),
    _bad("secret_in_strategy", _fleet(top="env_file: my.env", bots=_bot(strategy="{kind: momentum, symbol: ${KEY}}")), "bots[0].strategy", my__env=f"KEY={SECRET}\n".encode()),
    _bad("secret_as_wallet_key_name", _fleet(wallet=f"{{passphrase: {SECRET}, mode: live}}"), "wallets.alpha.mode"),
    # many at once
    _bad("all_at_once", _fleet(top="risk: {lease_ttl: 9, on_breach: x}\nmarket: {seed: x}", wallet="{mode: live}", bots=_bot("stop_grace: 1", name="on")), "risk.lease_ttl", "risk.on_breach", "market.seed", "wallets.alpha.mode", "bots[0].stop_grace", "bots[0].name"),
    _bad("a_hundred_wrong", _fleet(bots="\n".join(_bot("stop_grace: 1", name=f"b{n}") for n in range(100))), "bots[0].stop_grace", "and 80 more"),
    _bad("terminal_escape", _fleet(bots=_bot('"on_stop\\e[2J": 1')), "bots[0].on_stop"),
    _bad("very_long_value", _fleet(bots=_bot(f"stop_grace: {'x' * 5000}")), "bots[0].stop_grace"),
]  # fmt: skip
