"""An endpoint of the twin of GitHub: method and path, what a token needs for it, and who answers."""

from collections.abc import Callable
from dataclasses import dataclass

from nightcrew.testing.github.calls import Call
from nightcrew.testing.github.replies import Reply
from nightcrew.testing.github.state import Access, Permission


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path; each of `permissions` is enough."""

    method: str
    path: str
    answer: Callable[[Call], Reply]
    access: Access
    permissions: tuple[Permission, ...] = ()
    events: tuple[str, ...] = ()  # of webhooks that it causes, as `event.action`
