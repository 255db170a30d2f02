import pytest

from adapters.errors import ConfigError
from adapters.llm.settings import Model
from strategies.advised import Advised
from strategies.decision import Action, AnyDecision, Decision, Quotes
from strategies.executors import LANGUAGE_MODEL_READS
from strategies.strategy import View, needs
from tests.builders import BTC, ETH, SOL, a_view

ADVISED = Advised(candidates=(BTC, ETH), min_confidence=70)


@pytest.mark.parametrize(
    ("advice", "is_followed"),
    [
        (Decision(symbol=BTC, action=Action.OPEN_LONG, confidence=70), True),
        (Decision(symbol=BTC, action=Action.OPEN_LONG, confidence=69), False),
        (Decision(symbol=ETH, action=Action.CLOSE_LONG, confidence=0), True),
        (Decision(symbol=SOL, action=Action.OPEN_LONG, confidence=100), False),
        (Decision(symbol=SOL, action=Action.CLOSE_LONG, confidence=100), False),
        (Quotes(symbol=BTC), True),
        (Quotes(symbol=SOL), False),
    ],
)
def test_advice_is_followed_for_candidates_and_with_confidence(
    advice: AnyDecision, is_followed: bool
) -> None:
    assert ADVISED.decide(a_view(advice=(advice,))) == ((advice,) if is_followed else ())


def test_it_declares_what_its_executor_reads() -> None:
    declared = needs(ADVISED)
    assert declared.symbols == (BTC, ETH)
    assert declared.executor == "quant"
    assert declared.indicators == ("ema_12", "ema_26", "rsi_14", "atr_14")


def test_an_unknown_executor_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="unknown executor 'qant'; did you mean 'quant'"):
        Advised(executor="qant", candidates=(BTC,))
    with pytest.raises(ConfigError, match="there are: quant, llm"):
        Advised(executor="oracle", candidates=(BTC,))


def test_a_senseless_configuration_is_refused_by_field() -> None:
    with pytest.raises(ValueError, match=r"^candidates: "):
        Advised(candidates=())
    with pytest.raises(ValueError, match=r"^min_confidence: "):
        Advised(candidates=(BTC,), min_confidence=101)


def test_a_language_model_is_named_where_it_is_asked_and_nowhere_else() -> None:
    model = Model(name="m")
    advised = Advised(executor="llm", candidates=(BTC,), model=model)
    assert needs(advised).model is model
    assert needs(advised).indicators == LANGUAGE_MODEL_READS
    with pytest.raises(ValueError, match=r"^model: is missing"):
        Advised(executor="llm", candidates=(BTC,))
    with pytest.raises(ValueError, match=r"^model: has no effect with executor quant"):
        Advised(candidates=(BTC,), model=model)


class Careful:
    """A user's own executor."""

    indicators = ("rsi_14",)

    def advise(self, view: View) -> list[Decision]:
        return []


class Speechless:
    """No executor."""


def test_an_executor_of_ones_own_says_what_it_reads() -> None:
    assert needs(Advised(executor=f"{__name__}:Careful", candidates=(BTC,))).indicators == ("rsi_14",)
    for name, problem in (
        (f"{__name__}:Speechless", "has no method advise"),
        (f"{__name__}:Nobody", "has no class 'Nobody'"),
        ("nowhere:Executor", "no module named 'nowhere'"),
        (":Executor", "must be written my_module:MyClass"),
    ):
        with pytest.raises(ConfigError, match=f"^executor: .*{problem}"):
            Advised(executor=name, candidates=(BTC,))
