"""The last answer to each question, for a venue whose data stand still."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

QUESTIONS_KEPT = 1_000
_Answer = TypeVar("_Answer")


class LastAnswers(Generic[_Answer]):
    """Remembers answers by their questions; the longest unasked go first."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, _Answer] = {}

    def keep(self, question: Hashable, answer: _Answer) -> None:
        """Remember the venue's newest answer."""
        self._answers.pop(question, None)
        self._answers[question] = answer
        if len(self._answers) > QUESTIONS_KEPT:
            del self._answers[next(iter(self._answers))]

    def to(self, question: Hashable) -> _Answer | None:
        """The last answer; None for a question that nobody has asked yet."""
        return self._answers.get(question)
