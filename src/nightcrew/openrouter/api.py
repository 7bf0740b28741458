"""OpenRouter over HTTP, or any OpenAI-compatible endpoint: models, key, chat.

It sends and reads, but makes no decisions. Replies of any status are returned; it raises only if there is no
reply. The key is added here and appears in no text that leaves this module.
"""

import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import httpx
from pydantic import SecretStr, ValidationError
from pydantic_core import to_json

from nightcrew.errors import AccountStopped, Transient
from nightcrew.openrouter.wire.chat_stream import ChatStream
from nightcrew.openrouter.wire.connections import ConnectionPool
from nightcrew.openrouter.wire.credentials import Bearer, account_name, checked_key, checked_url
from nightcrew.openrouter.wire.exchange import (
    IDLE_SECONDS,
    IDLE_SHARE,
    Cancellation,
    Exchange,
    NoReply,
    no_reply,
)
from nightcrew.openrouter.wire.records import KeyInfo, ListedModel
from nightcrew.openrouter.wire.replies import Reply, parse_json, read_trouble
from nightcrew.openrouter.wire.wire_fields import to_decimal
from nightcrew.queue.state_store import utc_now
from nightcrew.secrets.account import protected
from nightcrew.secrets.redaction import redact_known, redact_values

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
LIST_SECONDS = 30.0
KEPT_SECONDS = 4.0  # idle connections; servers close them after 5 s or more, perhaps just as a call is sent
_MAX_PAGES = 50
_NAME = "x-generation-id"
_JSON = {"Content-Type": "application/json"}
_NAMED_AFTER = 0.05  # seconds; a reply that is complete by then is settled before its name could be of use

type OnName = Callable[[str], object]


class OpenRouterApi:
    """One account at one endpoint; thread-safe, and a context manager.

    Raises:
        BadInput: the address or the key is invalid.
    """

    def __init__(self, base_url: str, api_key: SecretStr | None) -> None:
        self.base_url = checked_url(base_url)
        self._chat_url = httpx.URL(f"{self.base_url}/chat/completions")  # parsed once, not for each call
        self._key = checked_key(api_key)
        if self._key is not None:
            protected(self._key)
        self._tls = httpx.create_ssl_context()
        self._client = self._new_client()
        self._pool = ConnectionPool(self._new_client)

    def __repr__(self) -> str:
        return f"OpenRouterApi({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._pool.close()

    @property
    def account(self) -> str:
        """The account's name for quota and faults; it does not reveal the key."""
        return account_name(self.base_url, self._key)

    def models(self) -> tuple[ListedModel, ...]:
        """Every offered model, from all pages; unreadable records are left out. Empty where there is no list.

        Raises:
            Transient: the list was not received. AccountStopped: the key is refused.
        """
        listed: list[ListedModel] = []
        path = f"{self.base_url}/models"
        for _ in range(_MAX_PAGES):
            reply = self.get_reply(path)
            if reply.status in {404, 405}:
                break
            body = self._checked(reply)
            listed.extend(_listed(body))
            following = (body.get("links") or {}).get("next") if isinstance(body.get("links"), dict) else None
            if not following:
                break
            path = str(httpx.URL(f"{self.base_url}/models").join(str(following)))
            if urlsplit(path)[:2] != urlsplit(self.base_url)[:2]:
                raise Transient("the catalogue's next page is on another host, and was not followed")
        return tuple(listed)

    def key(self) -> KeyInfo | None:
        """The account's own figures; None without a key, and at endpoints without `/key`.

        Raises:
            Transient: no answer. AccountStopped: the key is refused.
        """
        if self._key is None:
            return None
        reply = self.get_reply("/key")
        if reply.status in {404, 405}:
            return None
        data = self._checked(reply).get("data")
        try:
            return KeyInfo.model_validate(data)
        except ValidationError:
            return None

    def key_is_accepted(self) -> bool:
        """True only if the account answers; checked before a 401 is trusted."""
        try:
            return self.key() is not None
        except (AccountStopped, Transient):
            return False

    def cost_of_generation(self, generation_id: str) -> Decimal | None:
        """The cost of one call in USD; None if it is not known (yet)."""
        try:
            reply = self.get_reply(f"/generation?{urlencode({'id': generation_id})}")
        except NoReply:
            return None
        data = (reply.body or {}).get("data") if reply.status == 200 else None
        return to_decimal(data.get("total_cost")) if isinstance(data, dict) else None

    def chat(
        self,
        body: Mapping[str, Any],
        *,
        wall_seconds: float,
        cancellation: Cancellation | None = None,
        on_name: OnName = lambda name: None,
    ) -> Reply:
        """The reply to a chat request without streaming, of any status.

        `on_name` is called with the provider's name of the call once the reply has begun and is not complete.

        Raises:
            NoReply: not connected, interrupted, cancelled, or not complete after `wall_seconds`.
        """
        exchange = self._start({**body, "stream": False}, wall_seconds, cancellation)
        if (name := exchange.headers.get(_NAME)) and not exchange.is_complete(within_seconds=_NAMED_AFTER):
            on_name(name)
        content = b"".join(exchange.chunks())
        return self._reply(exchange.status, exchange.headers, content)

    def stream(
        self,
        body: Mapping[str, Any],
        *,
        wall_seconds: float,
        cancellation: Cancellation | None = None,
        on_name: OnName = lambda name: None,
    ) -> ChatStream:
        """The start of a streamed reply; iterate over it for its chunks.

        Raises:
            NoReply: as for `chat`; also while iterating.
        """
        exchange = self._start({**body, "stream": True}, wall_seconds, cancellation)
        if name := exchange.headers.get(_NAME):
            on_name(name)
        if "text/event-stream" not in exchange.headers.get("content-type", ""):
            content = b"".join(exchange.chunks())
            return ChatStream(self._reply(exchange.status, exchange.headers, content), None)
        return ChatStream(Reply(exchange.status, exchange.headers, {}), exchange)

    def get_reply(self, path: str) -> Reply:
        """The reply to a GET of a path below `base_url`, or of an absolute URL on it.

        Raises:
            NoReply: there is none.
        """
        url = path if path.startswith("http") else f"{self.base_url}{path}"
        try:
            response = self._client.get(url, timeout=LIST_SECONDS)
        except httpx.HTTPError as error:
            raise no_reply(error) from None
        return self._reply(response.status_code, response.headers, response.content)

    def _checked(self, reply: Reply) -> dict[str, Any]:
        if not reply.failed and reply.body is not None:
            return reply.body
        trouble = read_trouble(reply.status, reply.headers, reply.body, now=utc_now(), text=reply.text)
        message = f"{self.base_url} answered {trouble.status or reply.status}: {trouble.message[:200]}"
        if trouble.status in {401, 402}:
            raise AccountStopped(message)
        raise Transient(message, retry_after_seconds=trouble.retry_after_seconds)

    def _reply(self, status: int, headers: Mapping[str, str], content: bytes) -> Reply:
        """The reply without the key, which some providers repeat in their error messages."""
        text = content.decode("utf-8", errors="replace")
        body = parse_json(text)
        if body is None:
            return Reply(status, headers, None, redact_known(text)[:300])
        return Reply(status, headers, redact_values(body))

    def _new_client(self) -> httpx.Client:
        return httpx.Client(
            auth=Bearer(self._key) if self._key else None,
            timeout=httpx.Timeout(IDLE_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(keepalive_expiry=KEPT_SECONDS),
            headers={"X-Title": "Nightcrew"},
            verify=self._tls,  # loading the certificates takes long
        )

    def _start(
        self, body: Mapping[str, Any], wall_seconds: float, cancellation: Cancellation | None
    ) -> Exchange:
        # httpx's own encoder takes four times as long, and a conversation can have a megabyte.
        content = to_json(body, inf_nan_mode="null")
        idle = httpx.Timeout(max(IDLE_SECONDS, IDLE_SHARE * wall_seconds), connect=CONNECT_SECONDS)
        request = self._client.build_request(
            "POST", self._chat_url, content=content, headers=_JSON, timeout=idle
        )
        exchange = Exchange(self._pool, request, wall_seconds, cancellation or Cancellation())
        exchange.start()
        return exchange


# ----------------------------------------------------------------------------------------------------


def _listed(body: Mapping[str, Any]) -> list[ListedModel]:
    models = []
    data = body.get("data")
    for record in data if isinstance(data, list) else ():
        try:
            models.append(ListedModel.model_validate(record))
        except ValidationError:
            log.warning("the catalogue has an unreadable record, which is left out")
    return models
