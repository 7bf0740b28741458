"""No secret gets through, however it is written or cut; ordinary text does; the time is linear."""

import base64
import json
import random
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.secrets.known_secrets import KEY_MARK, KnownSecrets
from nightcrew.secrets.redaction import MARK, redact, redact_values

KEY = "sk-or-v1-a+key/that=is_easy.to~find-0123456789"


def each(form: str) -> str:
    return "".join(form.format(code=ord(character)) for character in KEY)


WRITTEN = {
    "as it is": KEY,
    "JSON": json.dumps({"key": KEY}),
    "JSON escapes": each("\\u{code:04x}"),
    "JSON in JSON": each("\\\\u{code:04X}"),
    "some JSON escapes": KEY.replace("k", "\\u006b").replace("-", "\\u002D"),
    "braced escapes": each("\\u{{{code:x}}}"),
    "Python escapes": each("\\x{code:02x}"),
    "octal escapes": each("\\{code:03o}"),
    "an address": quote(KEY, safe=""),
    "all of an address": each("%{code:02x}"),
    "an address in an address": quote(quote(KEY, safe=""), safe=""),
    "JSON of JSON of JSON of JSON": each("\\" * 15 + "u{code:04x}"),
    "backwards": KEY[::-1],
    "backwards in JSON": KEY[::-1].replace("k", "\\u006b"),
    "HTML": each("&#{code};"),
    "HTML in HTML": each("&amp;#x{code:X};"),
    "hexadecimal": KEY.encode().hex(),
    "a hex dump": KEY.encode().hex(":").upper(),
    **{f"base64 at {n}": base64.b64encode(b"x" * n + KEY.encode() + b"tail").decode() for n in range(3)},
    **{
        f"base64 for addresses at {n}": base64.urlsafe_b64encode(b"?" * n + KEY.encode()).decode()
        for n in range(3)
    },
    **{
        f"base64 in lines at {n}": base64.encodebytes(b"x" * (50 + n) + KEY.encode()).decode()
        for n in range(3)
    },
    **{f"base32 at {n}": base64.b32encode(b"x" * n + KEY.encode() + b"tail").decode() for n in range(5)},
    "other case": KEY.upper(),
    "letters apart": " ".join(KEY),
    "letters apart, backwards": "  ".join(KEY[::-1]),
    "a list of characters": str(list(KEY)),
    "a list of bytes": ", ".join(f"0x{code:02X}" for code in KEY.encode()),
    "invisible characters": "\u200b".join(KEY),
    "wide characters": KEY.encode("utf-16-le").decode("latin-1"),
    "with dots": KEY.replace("-", "."),
    "base64 of JSON": base64.b64encode(json.dumps({"headers": {"k": KEY}}).encode()).decode(),
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_secret_is_found_however_it_is_written(text: str) -> None:
    kept = KnownSecrets([KEY]).redact(f"it says {text} here")
    assert KEY_MARK in kept
    assert kept.startswith("it says ") and kept.endswith(" here")
    assert len(kept) - len("it says  here") < len(text) / 2 + 60


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_secret_that_comes_in_pieces_is_found(text: str) -> None:
    secrets, chance = KnownSecrets([KEY]), random.Random(len(text))
    for _ in range(10):
        left, result, held = f"it says {text} here", "", ""
        while left:
            size = chance.choice([1, 2, 5, 17])
            piece, left = left[:size], left[size:]
            passed, held = secrets.split(secrets.redact(held + piece))
            result += passed
        result += secrets.redact(held)
        assert KEY_MARK in result
        assert secrets.redact(result) == result
        assert result.endswith(" here")


@given(st.text(), st.text(max_size=5))
def test_what_surrounds_a_secret_hides_it_neither(before: str, after: str) -> None:
    kept = KnownSecrets([KEY]).redact(before + KEY + after)
    assert KEY not in kept
    assert KEY_MARK in kept


@given(st.text())
def test_text_without_secrets_is_passed_on_whole(text: str) -> None:
    secrets = KnownSecrets([KEY])
    passed, held = secrets.split(secrets.redact(text))
    assert passed + held == text


def test_many_secrets_cost_no_more_than_few() -> None:
    """A repository's files may hold thousands of values."""
    secrets = KnownSecrets(f"secret-number-{n:09d}" for n in range(2_000))
    text = "nothing of the kind\n" * 10_000 + "c2VjcmV0 secret-number-000001999, " * 10
    began = time.process_time()
    kept = secrets.redact(text)
    assert time.process_time() - began < 1.0
    assert kept.count(KEY_MARK) == 10
    assert "1999" not in kept


def test_a_word_that_stands_in_for_a_key_is_no_secret() -> None:
    """Local servers take anything for a key; what they say must not be changed for that."""
    assert KnownSecrets(["ollama"]).redact("ollama/qwen says none") == "ollama/qwen says none"


def test_values_are_looked_at_as_they_are_decoded() -> None:
    wire = '{"error": {"message": "bad key ' + WRITTEN["JSON escapes"] + '"}, "n": 3, "' + KEY + '": [null]}'
    assert redact_values(json.loads(wire), KnownSecrets([KEY])) == {
        "error": {"message": f"bad key {KEY_MARK}"},
        "n": 3,
        KEY_MARK: [None],
    }


SECRETS = [
    "sk-or-v1-0123456789abcdef0123456789",
    "ghp_0123456789abcdefghij0123456789",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "hunter2hunter2",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize(
    "text",
    [
        f"key is {SECRETS[0]}",
        f'{{"token": "{SECRETS[1]}"}}',
        f"aws {SECRETS[2]} and {SECRETS[3]}",
        f"DB_PASSWORD={SECRETS[4]}",
        f"password: '{SECRETS[4]}'",
        f"x=password={SECRETS[4]}",
        f"postgresql://crew:{SECRETS[4]}@db.example/crew",
        f"git clone https://{SECRETS[4]}{SECRETS[4]}@git.example/x.git",
        f"Authorization: Bearer {SECRETS[4]}{SECRETS[4]}",
        f"authorization: basic {SECRETS[4]}{SECRETS[4]}==",
        SECRETS[5],
        SECRETS[5][:40],
    ],
)
def test_what_looks_like_a_secret_is_not_kept(text: str) -> None:
    kept = redact(text)
    assert MARK in kept
    assert not any(part in kept for part in (*SECRETS, "MIIEp"))


@pytest.mark.parametrize(
    "text",
    ["def f(x):\n    return x", "the token is spent", "assert keys == []", "a: b", "https://a.example/b"],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


UNITS = [
    *("a-", "a.", "eyJ", "eyJaaaaaaaaaa.", "token", "token=", "token: ", "://", "://a:", "-----BEGIN ", " "),
    *("-----BEGIN PRIVATE KEY-----", "\\", "%25", "&amp;", "&#0", "\n\\n", "0", "=", "sk-or-v1-", "bearer "),
    *(WRITTEN["JSON escapes"][:-1], WRITTEN["hexadecimal"][:-1], WRITTEN["base64 at 1"][:20]),
]


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_longer_than_its_length(unit: str) -> None:
    """Ten times the text takes ten times the time, with room for noise; what is quadratic takes minutes."""
    secrets = KnownSecrets([KEY])

    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        began = time.process_time()
        secrets.split(secrets.redact(redact(text)))
        return time.process_time() - began

    assert seconds(400_000) < 20 * seconds(40_000) + 1.0
