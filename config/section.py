"""What all sections of a fleet file are: mappings of known keys."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict

_Value = TypeVar("_Value")


class Section(BaseModel):
    """A mapping of known keys. Its errors never carry what the file says: that may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    def into(self, kind: type[_Value]) -> _Value:
        """The frozen value whose fields are this section's keys."""
        return kind(**{name: getattr(self, name) for name in type(self).model_fields})
