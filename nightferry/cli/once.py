"""An option that takes one value is given once: the last of several would win, and the others be dropped in silence.

``accept -i sha -i shd`` accepted of one of the two, and said so only to who read its answer.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from typer import BadParameter
from typer.core import TyperCommand, TyperOption


class Once(TyperCommand):
    """A command that refuses an option of one value that is given again."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a call.

        Raises
        ------
        BadParameter
        """
        if not ctx.resilient_parsing:  # a shell that completes a line
            for given, times in Counter(self.make_parser(ctx).parse_args(list(args))[2]).items():
                if times > 1 and isinstance(given, TyperOption) and _takes_one(given):
                    raise BadParameter(f"given {times} times, and it takes one value", ctx, given)
        return super().parse_args(ctx, args)


def _takes_one(option: TyperOption) -> bool:
    return not (option.multiple or option.is_flag or option.count)
