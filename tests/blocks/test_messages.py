"""Messages by Prefect's blocks, each received: a signed event, an e-mail, and Slack's own block."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prefect.blocks.notifications import SlackWebhook
from pydantic import SecretStr, ValidationError

from blocks.messages import Email, SignedWebhook
from nightcrew.signature import HEADER, is_signed
from tests.blocks.receivers import letterbox, slack

SECRET = "a secret of sixteen"


def test_a_signed_webhook_signs_the_bytes_that_it_sends() -> None:
    heard: list[tuple[str, bytes]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers[HEADER], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        block = SignedWebhook(
            url=SecretStr(f"http://127.0.0.1:{server.server_port}/"), secret=SecretStr(SECRET)
        )
        answer = asyncio.run(block.call('{"id": "1", "message": "fünf"}'))
    ((given, body),) = heard
    assert answer.status_code == 204 and is_signed(SECRET, body, given)
    assert not is_signed(SECRET + "x", body, given) and not is_signed(SECRET, body + b" ", given)


def test_a_secret_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValidationError):
        SignedWebhook(url=SecretStr("http://127.0.0.1/"), secret=SecretStr("short"))


def test_an_email_reaches_each_receiver() -> None:
    with letterbox() as box:
        Email(
            server="127.0.0.1",
            port=box.port,
            encrypted=False,
            sender="crew@example.org",
            to=["ada@example.org", "bob@example.org"],
        ).notify("2 done, 1 merged\nhttps://example.org/1", "Nightcrew: nightcrew.digest")
    assert [to for to, _ in box.letters] == [["ada@example.org"], ["bob@example.org"]]
    text = box.letters[0][1]
    assert "Subject: Nightcrew: nightcrew.digest" in text and "2 done, 1 merged" in text
    assert "crew@example.org" in text


def test_slack_gets_a_message_at_its_own_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables: dict[str, str] = {}
    with slack(tmp_path, variables) as heard:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        url = "https://hooks.slack.com/services/T01234567/B01234567/abcdefghijklmnopqrstuvwx"
        SlackWebhook(url=SecretStr(url)).notify("Task t-1 needs a person", "Nightcrew")
    (message,) = heard
    assert message["host"] == "hooks.slack.com:443"
    assert message["path"] == "/services/T01234567/B01234567/abcdefghijklmnopqrstuvwx"
    assert "Task t-1 needs a person" in str(message)
