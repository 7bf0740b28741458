"""Reports the agent's actions as they happen: one bounded JSON object for each event of the SDK.

It also collects what the result needs about the end of the conversation.
"""

from collections.abc import Callable
from typing import Any

from openhands.sdk.event import ActionEvent, AgentErrorEvent, Event, MessageEvent, ObservationEvent
from openhands.sdk.event.conversation_error import ConversationErrorEvent

from nightcrew.openhands.inside.protocol import ErrorFacts, cut

type Emit = Callable[[dict[str, object]], None]


class EventLog:
    """A callback of the conversation."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.last_message = ""
        self.finish_called = False
        self.tool_errors = 0
        self.last_error = ""
        self.last_action = ""
        self.error: ErrorFacts | None = None

    def __call__(self, event: Event) -> None:
        """Record one event and report it."""
        match event:
            case ActionEvent():
                self._on_action(event)
            case AgentErrorEvent():
                self.tool_errors += 1
                self.last_error = cut(f"{event.tool_name}: {event.error}", 500)
                self._emit({"event": "tool_error", "tool": event.tool_name, "text": cut(event.error)})
            case ObservationEvent():
                self._on_observation(event)
            case MessageEvent() if event.source == "agent":
                self.last_message, self.finish_called = _text(event.llm_message.content), False
                self._emit({"event": "message", "text": cut(self.last_message)})
            case ConversationErrorEvent():
                self.error = ErrorFacts(name=event.code, text=cut(event.detail))
                self._emit({"event": "error", "code": event.code, "text": cut(event.detail)})

    def _on_action(self, event: Any) -> None:
        self.finish_called = event.tool_name == "finish" and event.action is not None
        if event.action is None:
            return
        arguments = event.action.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
        if self.finish_called:
            self.last_message = str(arguments.get("message", ""))
        shown = {name: cut(str(value), 500) for name, value in arguments.items()}
        self.last_action = cut(" ".join([event.tool_name, *shown.values()]), 500)
        self._emit({"event": "action", "tool": event.tool_name, "arguments": shown})

    def _on_observation(self, event: Any) -> None:
        self.tool_errors = 0
        text = _text(event.observation.to_llm_content)
        failed = bool(event.observation.is_error)
        if failed:
            self.last_error = cut(f"{event.tool_name}: {text}", 500)
        self._emit({"event": "observation", "tool": event.tool_name, "failed": failed, "text": cut(text)})


def _text(content: Any) -> str:
    return "\n".join(part.text for part in content if getattr(part, "text", None))
