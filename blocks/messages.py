"""Two Prefect blocks for messages: a webhook whose events are signed, and e-mail through any server."""

from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from prefect.blocks.notifications import AbstractAppriseNotificationBlock
from prefect.blocks.webhook import Webhook
from prefect.types import SecretDict
from pydantic import Field, SecretStr

from nightcrew.signature import HEADER, signature


class SignedWebhook(Webhook):
    """A webhook that gets each event with a signature, as GitHub signs its own.

    The body has an id and a time, so that a receiver can refuse what is sent again: see
    `nightcrew.signature.Receiver`.
    """

    _block_type_name = "Nightcrew Signed Webhook"
    _block_type_slug: ClassVar[str | None] = "nightcrew-signed-webhook"
    _description: ClassVar[str | None] = "Sends events to a program, signed with a secret that both know."

    secret: SecretStr = Field(min_length=16, title="Secret", description="At least 16 characters.")

    async def call(self, payload: dict[str, Any] | str | None = None) -> Any:
        """Send the payload, which is text, with its signature; returns the answer (an `httpx.Response`)."""
        if not isinstance(payload, str):
            raise TypeError("only the text of an event is signed")
        header = {HEADER: signature(self.secret.get_secret_value(), payload.encode())}
        kind = {"Content-Type": "application/json"}
        return await Webhook(
            method=self.method,
            url=self.url,
            headers=SecretDict({**self.headers.get_secret_value(), **kind, **header}),
            allow_private_urls=self.allow_private_urls,
            verify=self.verify,
        ).call(payload)


class Email(AbstractAppriseNotificationBlock):
    """A message by e-mail, through a server that takes it by SMTP."""

    _block_type_name: ClassVar[str | None] = "Nightcrew Email"
    _block_type_slug: ClassVar[str | None] = "nightcrew-email"
    _description: ClassVar[str | None] = "Sends messages by e-mail, through your own server."

    server: str = Field(title="Server", description="Name of the SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, title="Port")
    encrypted: bool = Field(default=True, title="Encrypted", description="By STARTTLS; off for a local one.")
    user: str = Field(default="", title="User", description="Empty: the server asks for none.")
    password: SecretStr = Field(default=SecretStr(""), title="Password")
    sender: str = Field(title="From", description="The sender's address.")
    to: list[str] = Field(min_length=1, title="To", description="The addresses that get the messages.")

    def block_initialization(self) -> None:
        """Prepare the client."""
        self._start_apprise_client(SecretStr(self._address()))

    def _address(self) -> str:
        password = self.password.get_secret_value()
        login = f"{quote(self.user, safe='')}:{quote(password, safe='')}@" if self.user else ""
        mode = {"mode": "starttls"} if self.encrypted else {"mode": "insecure"}
        query = {**mode, "from": self.sender, "to": ",".join(self.to), "format": "text", "smtp": self.server}
        scheme = "mailtos" if self.encrypted else "mailto"
        return f"{scheme}://{login}{self.server}:{self.port}?{urlencode(query)}"
