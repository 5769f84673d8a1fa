"""Sections of steps that know their inputs or products themselves: the general keys for them are refused, not ignored.

What each step knows, its own keys say.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from converters.nightstep import NightStepSection


class NamesItsProducts(NightStepSection):
    """A night step that names its products itself; `knows_inputs`: its inputs too."""

    knows_inputs: ClassVar[bool] = False

    @model_validator(mode="after")
    def _refuse_general_keys(self) -> NamesItsProducts:
        known = ("outputs", "inputs") if self.knows_inputs else ("outputs",)
        for key in known:
            if key in self.model_fields_set:
                raise ValueError(f"{key}: this step knows them itself; see its own keys")
        return self
