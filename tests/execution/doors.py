"""Doors for the tests: one that answers from a list, for exact replies."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from nightcrew.execution.execution_engine import DoorUsage

type Reply = str | dict[str, Any] | BaseException


class ListedDoor:
    """Answers the n-th call with the n-th reply; keeps what was asked."""

    def __init__(self, replies: Sequence[Reply], on_call: Callable[[], None] = lambda: None) -> None:
        self.socket_path = Path("/nowhere")
        self.token = "token"
        self.model = "listed"
        self.asked: list[Mapping[str, Any]] = []
        self._replies, self._on_call = list(replies), on_call

    def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append({**request, "messages": list(request["messages"])})
        self._on_call()
        reply = self._replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, dict):
            return reply
        return {"choices": [{"message": {"content": reply}, "finish_reason": "stop"}]}

    def usage(self) -> DoorUsage:
        calls = len(self.asked)
        return DoorUsage(calls, 100 * calls, 10 * calls, Decimal("0.01") * calls, ("listed",), None, False)
