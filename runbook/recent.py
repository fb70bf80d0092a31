"""What is derived from a plan and worth keeping for the next question: the last few, by the digest of the text."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from runbook.model import Plan

T = TypeVar("T")
_KEPT = 4


class Recent(Generic[T]):
    """A small cache of something built from a plan."""

    def __init__(self, build: Callable[[Plan], T]) -> None:
        self._build = build
        self._held: OrderedDict[tuple[str, str, int], tuple[Plan, T]] = OrderedDict()

    def of(self, plan: Plan) -> T:
        """What is built from this plan, at once when it was asked for before."""
        key = (plan.path, plan.digest, len(plan.entries))
        held = self._held.get(key)
        if held is None or held[0].entries is not plan.entries:
            held = (plan, self._build(plan))
            self._held[key] = held
        self._held.move_to_end(key)
        while len(self._held) > _KEPT:
            self._held.popitem(last=False)
        return held[1]
