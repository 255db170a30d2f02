from decimal import Decimal

import pytest

from tests.builders import an_instrument


@pytest.mark.parametrize(
    ("step", "decimals"), [("0.001", 3), ("0.0010", 3), ("1", 0), ("10", 0), ("0.5", 1), ("0.00001", 5)]
)
def test_the_decimals_of_a_size_follow_from_its_step(step: str, decimals: int) -> None:
    assert an_instrument(step=Decimal(step)).size_decimals == decimals
