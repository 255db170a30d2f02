import re
from pathlib import Path

from risk.review import RULES

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "risk-rules.md"


def test_the_manual_lists_the_rules_in_their_order() -> None:
    in_review = MANUAL.read_text().partition("## In `review`")[2].partition("## In `plan`")[0]
    listed = re.findall(r"^\| `(\w+)` \|", in_review, re.MULTILINE)
    assert listed == ["malformed", *(rule.__name__ for rule in RULES)]
