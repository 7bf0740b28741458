"""Texts in pieces and in code are read as what they amount to."""

import ast

import pytest

from nightcrew.validation.reading.constants import texts_in


@pytest.mark.parametrize(
    "code",
    [
        "'secret-text'",
        "'secret' + '-' + 'text'",
        "'secret' '-text'",
        "''.join(['sec', 'ret', '-text'])",
        "'-'.join(('secret', 'text'))",
        "'txet-terces'[::-1]",
        "base64.b64decode('c2VjcmV0LXRleHQ=').decode()",
        "b64decode(b'c2VjcmV0LXRleHQ=')",
        "bytes.fromhex('7365637265742d74657874')",
        "codecs.decode('frperg-grkg', 'rot13')",
        "chr(115) + 'ecret-text'",
        "f'secret-{\"text\"}'",
        "bytes([115, 101, 99, 114, 101, 116]).decode() + '-text'",
    ],
)
def test_the_text_is_found(code: str) -> None:
    assert "secret-text" in [text for _, text in texts_in(ast.parse(f"x = f({code})"))]


@pytest.mark.parametrize("code", ["a + 'b'", "b64decode('%%%')", "f'{a}'", "'x'.join(a)", "chr(a)"])
def test_what_is_no_literal_stays_alone(code: str) -> None:
    assert "secret-text" not in [text for _, text in texts_in(ast.parse(code))]
