from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.variables import Variables, protect, read_env_file, reveal


def expanded(text: str, environ: dict[str, str], env_file: str = "") -> str:
    values, wrong = read_env_file(env_file)
    assert not wrong
    return Variables(environ, values).expand(protect(text))


@given(st.text(alphabet="${}AB_ \n'é", max_size=40))
def test_protection_keeps_every_character_in_its_place(text: str) -> None:
    assert reveal(protect(text)) == text
    assert len(protect(text)) == len(text)


def test_the_environment_goes_before_the_env_file() -> None:
    assert expanded("${A}-${B}", {"A": "shell"}, "A=file\nB=other\n") == "shell-other"


def test_values_of_the_env_file_refer_to_each_other_and_to_the_environment() -> None:
    assert expanded("${URL}", {"HOST": "h"}, "URL=${SCHEME}://${HOST}\nSCHEME=https\n") == "https://h"


def test_two_dollars_are_a_literal_dollar_brace() -> None:
    assert expanded("$${A} costs $5", {"A": "x"}) == "${A} costs $5"


def test_values_of_the_environment_are_taken_as_they_are() -> None:
    assert expanded("${A}", {"A": "${B}$${C}"}) == "${B}$${C}"


def test_a_value_is_never_yaml() -> None:
    assert expanded("${A}", {"A": "{x: 1}"}) == "{x: 1}"


def test_an_env_file_may_quote_comment_and_export() -> None:
    values, wrong = read_env_file("# note\nexport A='one two'\nB=\"x\" # why\nEMPTY=\n")
    assert (values, wrong) == ({"A": "one two", "B": "x", "EMPTY": ""}, ())


def test_a_circle_is_named() -> None:
    with pytest.raises(ValueError, match="A -> B -> A"):
        expanded("${A}", {}, "A=${B}\nB=${A}\n")


def test_a_chain_that_is_too_long_is_refused() -> None:
    chain = "".join(f"A{n}=${{A{n + 1}}}\n" for n in range(500))
    with pytest.raises(ValueError, match="deep"):
        expanded("${A0}", {}, chain)
