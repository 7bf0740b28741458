import pytest

from nightcrew.validation.change.secrets import find_secrets

# Put together here, so that no scanner mistakes this file for a leak.
REAL = [
    "AKIA" + "Z7QWERTYUIOPASDF",
    "gh" + "p_" + "a8Fk29sLq0ZxTb71VmNcRw4Yd6HjUe35GoPi",
    "sk-" + "or-v1-" + "3f9d0c1b7a6e5d4c3b2a19087f6e5d4c",
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "api_key = '" + "q7Zp2Lx9Vt4Bn8Ks3Wd6" + "'",
    "token = 'eyJhbGciOiJIUzI1NiJ9." + "eyJpc3MiOiJodHRwczovL2xvZ2luLmFjbWUuaW8ifQ.4twFt5NiznN84AWoo1d7KO'",
    "postgres://admin:" + "hunter22secret@db.internal.net/x",
]
HARMLESS = [
    "api_key = 'your-api-key-goes-here'",
    "token = 'test'",
    "password = get_password()",
    "sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
    "key = 'AKIAIOSFODNN7'",
    "token = 'eyJhbGciOiJIUzI1NiJ9.eyJzb21lIjoicGF5bG9hZCJ9.4twFt5NiznN84AWoo1d7KO1T_yoc0Z6XOpOVswacPZg'",
    "url = 'https://user@example.org/path'",
    "url = 'http://joe:password@python.org/'",
    "url = 'https://%75%73%65%72:%00%00%00%00@xn--bcher-kva.ch:8080/'",
]


@pytest.mark.parametrize("line", REAL)
def test_a_credential_is_found(line: str) -> None:
    assert [
        finding.line
        for finding in find_secrets(f"x = 1\ny = {line!r}\n" if "=" not in line else f"\n{line}\n")
    ] == [2]


@pytest.mark.parametrize("line", HARMLESS)
def test_what_only_looks_a_little_like_one_is_left_alone(line: str) -> None:
    assert find_secrets(line) == ()
