"""What is shown of work that was not accepted holds no secret of the repository's files."""

import pytest

from nightcrew.secrets.redaction import MARK
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind
from nightcrew.work.published import published, published_patch

PATCH = """\
diff --git a/{name} b/{name}
index 1111111..2222222 100644
--- a/{name}
+++ b/{name}
@@ -1,4 +1,4 @@
 # of the shop
 DB_PASS=canary
-export MODE: 'canary'
+  "mode": canary
 canary
\\ No newline at end of file
diff --git a/src/app.py b/src/app.py
--- a/src/app.py
+++ b/src/app.py
@@ -1,2 +1,2 @@
-token = read_the_token_from_somewhere()
+API = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
 mode = "canary of nobody"
"""
SECRET_FILES = (".env", "deploy/.env.production", "prod.env", ".envrc", ".netrc", "keys/id_ed25519",
                "tls/server.pem", "secrets.yaml", "config/credentials.json",
                ".git-credentials", "terraform.tfvars")  # fmt: skip


@pytest.mark.parametrize("name", SECRET_FILES)
def test_no_value_of_a_file_made_for_secrets_is_shown(name: str) -> None:
    patch = PATCH.format(name=name)
    shown = published_patch(patch)
    secret, plain = shown.split("diff --git a/src")
    assert "canary" not in secret
    assert "DB_PASS=" + MARK in secret
    assert "ghp_" not in plain
    assert "canary of nobody" in plain
    assert "read_the_token_from_somewhere()" in plain
    assert shown.count("\n") == patch.count("\n")


@pytest.mark.parametrize("name", ["src/environment.py", "docs/env.md", "keyboard.py", "secretary.py"])
def test_other_files_are_shown_as_they_are(name: str) -> None:
    patch = PATCH.format(name=name).replace("ghp_0123456789abcdefghijABCDEFGHIJ012345", "x")
    assert published_patch(patch) == patch


def test_no_text_of_a_verdict_shows_what_looks_like_a_secret() -> None:
    canary = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    gate = GateResult("tests", GateOutcome.FAIL, f"said {canary}", f"not {canary}", {"output": [canary, 1]})
    verdict = Verdict(VerdictKind.REJECTED, 0.5, (gate,), f"because {canary}", canary)
    shown = published(verdict)
    assert canary not in repr(shown)
    assert (shown.kind, shown.score, shown.gates[0].outcome) == (verdict.kind, 0.5, GateOutcome.FAIL)
    assert shown.gates[0].evidence["output"][1] == 1
