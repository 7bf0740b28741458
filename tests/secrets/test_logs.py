"""No log line shows a secret, whoever writes it and whatever handler it goes to."""

import io
import logging
from collections.abc import Iterator

import pytest

from nightcrew.secrets.known_secrets import KEY_MARK
from nightcrew.secrets.logs import keep_secrets_out_of_logs
from nightcrew.secrets.redaction import known_secrets

SECRET = "a-secret-of-the-logs-0123456789"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    known_secrets.add(SECRET)
    before = logging.getLogRecordFactory()
    keep_secrets_out_of_logs()
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logger = logging.getLogger("somebody.else")
    logger.addHandler(handler)
    yield text
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def test_neither_the_text_nor_its_arguments_nor_a_trace_show_it(written: io.StringIO) -> None:
    log = logging.getLogger("somebody.else")
    log.warning("told %s of %d", {"key": SECRET}, 3)
    log.warning("100% of " + SECRET)
    log.warning("does not fit %d", SECRET)
    try:
        raise ValueError(f"bad {SECRET}")
    except ValueError:
        log.exception("it failed")
    assert SECRET not in written.getvalue()
    assert written.getvalue().count(KEY_MARK) == 4
    assert "ValueError: bad [key]" in written.getvalue()
    assert "told {'key': '[key]'} of 3" in written.getvalue()


def test_a_line_without_secrets_keeps_its_arguments(written: io.StringIO) -> None:
    """Some handlers read them, as that of a server's access log does."""
    seen: list[object] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.args)  # type: ignore[method-assign]
    logger = logging.getLogger("somebody.else")
    logger.addHandler(handler)
    logger.warning("%s %s", "GET", 200)
    logger.removeHandler(handler)
    assert seen == [("GET", 200)]
