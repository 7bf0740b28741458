# ruff: noqa: E501 - a table of patterns reads best with one to a line
"""What files other than Python can do: shell, make, containers, workflows, manifests, code in documents, JavaScript.

Read line by line. Some lines are a power wherever they stand; others only where the file did nothing of that
kind before.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from nightcrew.validation.questions.powers import PLACES, Power, Use

_SHELL = (
    r"(?:sudo\s+)?(?:\w*/)*(?:env\s+)?(?:ba|z|da|k|a)?sh\b|(?:sudo\s+)?(?:python[\d.]*|perl|ruby|node|php)\b"
)
_GET = r"(?:curl|wget|fetch|http|iwr|Invoke-WebRequest)"
_ALWAYS: dict[str, Power] = {
    rf"\b{_GET}\b[^\n|]*\|[^\n|]*(?:\|[^\n]*)?(?:{_SHELL})": Power.DYNAMIC,
    rf"(?:{_SHELL}|eval|source|\.)\s+(?:-c\s+)?[\"']?(?:\$\(|<\(|`)\s*{_GET}": Power.DYNAMIC,
    rf"{_GET}\b[^\n]*(?:&&|;)\s*(?:chmod\s+\+?\w+\s+\S+\s*(?:&&|;)\s*)?(?:{_SHELL}|\./)": Power.DYNAMIC,
    r"\biex\b\s*\(|Invoke-Expression|DownloadString": Power.DYNAMIC,
    rf"base64\s+(?:-d|-D|--decode)\b[^\n]*\|\s*(?:{_SHELL})|xxd\s+-r[^\n]*\|\s*(?:{_SHELL})": Power.DYNAMIC,
    r"/dev/(?:tcp|udp)/|\b(?:nc|ncat|netcat)\b[^\n]*\s-\w*e\b|\bsocat\b": Power.NETWORK,
    r"\bchmod\s+(?:-R\s+)?(?:0?[0-7]?[0-7]{2}[2367]|a\+\w*w|o\+\w*w|[ug]?\+s)\b": Power.WEAKER,
    r"\brm\s+-\w*[rf]\w*\s+(?:-\w+\s+)*(?:\"?/(?:\s|$|\w+/?\s*$|\*)|~|\"?\$\{?HOME|\*)": Power.DELETE,
    r">>?\s*(?:~|\$\{?HOME\}?|/etc|/root)/|\bcrontab\b|authorized_keys|/etc/(?:cron|sudoers|ld\.so)|\bsystemctl\s+enable": Power.WRITE,
    r"git\s+config\s+--(?:global|system)|core\.hooksPath|git\s+push\b|\.git/hooks": Power.WRITE,
    r"--insecure\b|curl\b[^\n]*\s-\w*k\b|--no-check-certificate|http\.sslVerify\s*[= ]\s*false|strict-ssl\s*[= ]\s*false"
    r"|GIT_SSL_NO_VERIFY|NODE_TLS_REJECT_UNAUTHORIZED|PYTHONHTTPSVERIFY|rejectUnauthorized:\s*false|StrictHostKeyChecking[= ]no"
    r"|--trusted-host\b|--allow-unauthenticated|--privileged\b|privileged:\s*true|network_mode:\s*[\"']?host|seccomp[=:]unconfined": Power.WEAKER,
    r"--(?:extra-)?index-url\b|\bPIP_(?:EXTRA_)?INDEX_URL|--registry\b|--find-links\s+http": Power.INSTALL,
    r"\bsudo\s+(?:-\w+\s+)*[a-z./$]": Power.PROCESS,
    r"NOPASSWD|set\s+\+o\s+history|history\s+-c|\bLD_PRELOAD\b|\bDYLD_INSERT": Power.HIDDEN,
    PLACES: Power.CREDENTIALS,
}  # fmt: skip
_NEWLY: dict[str, Power] = {
    r"\b(?:curl|wget|ssh|scp|rsync|ftp|nc|telnet|nslookup|dig)\s+[-\w\"'$@./:]": Power.NETWORK,
    r"\$\{?\w*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL)\w*|\bprintenv\b|\benv\s*(?:\||>)": Power.CREDENTIALS,
    r"\beval\b\s+[\"'$`(]": Power.DYNAMIC,
}
_INSTALLS = re.compile(
    r"\b(?:pip3?|uv pip|python[\d.]* -m pip|pipx|uv tool|conda|npm|pnpm|yarn|bun|cargo|gem|brew|apt(?:-get)?|dnf|yum|apk|go)"
    r"\s+(?:-\w+\s+)*(?:install|add|i|get|inject)\s+([^\n#&|;`]+)|\b(?:npx|uvx|pipx run)\s+([^\n#&|;`]+)"
)
_WORKFLOW: dict[str, Power] = {
    r"\bpull_request_target\b|\bworkflow_run\b": Power.CI,
    r"\bwrite-all\b|^\s*(?:contents|packages|id-token|actions|deployments|checks|statuses|pages|security-events|pull-requests|issues)\s*:\s*[\"']?write": Power.CI,
    r"\$\{\{\s*secrets\.\w+|\bsecrets:\s*inherit": Power.CI,
    r"\$\{\{[^}]*github\.(?:event\.(?:issue|pull_request|comment|review|head_commit|discussion)|head_ref)[^}]*\}\}": Power.CI,
    r"\bself-hosted\b|persist-credentials:\s*true|if:\s*(?:always\(\)\s*&&\s*)?false\b|ACTIONS_ALLOW_UNSECURE": Power.CI,
    r"continue-on-error:\s*true|\|\|\s*true\s*$|--no-verify\b|allow_failure:\s*true": Power.CI,
}  # fmt: skip
_USES = re.compile(r"\buses:\s*[\"']?([\w.-]+/[\w./-]+)@([\w./-]+)")
_HOOKS = re.compile(
    r"\[tool\.hatch\.build\.hooks|\bbuild-backend\b|\bbackend-path\b|\bcmdclass\b|\"(?:pre|post)?(?:install|prepare|publish)\"\s*:"
    r"|\[build-system\]|^\s*ext_modules\b|\bpytest11\b|^\s*entry:\s"
)
_JAVASCRIPT: dict[str, Power] = {
    r"\bchild_process\b|\bexecSync\b|\bspawn\s*\(": Power.PROCESS,
    r"\beval\s*\(|new\s+Function\s*\(|\bvm\.run|import\s*\(\s*[^'\"]": Power.DYNAMIC,
    r"\bfetch\s*\(|XMLHttpRequest|WebSocket\s*\(|require\(['\"](?:https?|net|tls|dgram|axios|node-fetch)|navigator\.sendBeacon": Power.NETWORK,
    r"\bprocess\.env\b|document\.cookie|localStorage": Power.ENVIRONMENT,
    r"\bfs\.(?:write|append|createWrite|unlink|rm|chmod|rename)\w*": Power.WRITE,
    r"\.innerHTML\s*=|dangerouslySetInnerHTML|document\.write\s*\(|insertAdjacentHTML": Power.WEAKER,
}  # fmt: skip
_NATIVE = r"\b(?:system|popen|execv\w*|execl\w*|fork|dlopen|socket|connect|Runtime\.getRuntime|exec\.Command|os\.exec)\s*\("


def text_powers(path: str, before: str, after: str, known_words: str = "") -> Iterator[Use]:
    """Powers of the new lines of one file; `known_words` names what the project already asks to be installed."""
    always, newly = _patterns(path)
    old = set(before.split("\n"))
    had = {power for pattern, power in newly.items() if re.search(pattern, before, re.MULTILINE)}
    known_actions = {match[1].split("/")[0] for match in _USES.finditer(before)} | {"actions"}
    for number, line in enumerate(after.split("\n"), 1):
        if line in old or len(line) > 4000:
            continue
        for pattern, power in always.items():
            found = re.search(pattern, line)
            if found and found[0] not in before:
                yield Use(power, found[0].strip()[:80], number)
        for pattern, power in newly.items():
            found = re.search(pattern, line)
            if found and power not in had:
                yield Use(power, found[0].strip()[:80], number)
        for package in _installed(line):
            name = re.sub(r"[-_.]+", "[-_.]?", re.escape(package).replace("\\", ""))
            if not re.search(rf"(?<![\w-]){name}(?![\w-])", known_words, re.IGNORECASE):
                yield Use(Power.INSTALL, f"installs {package}", number)
        action = _USES.search(line) if is_workflow(path) else None
        if (
            action
            and action[1].split("/")[0] not in known_actions
            and not re.fullmatch(r"[0-9a-f]{40}", action[2])
        ):
            yield Use(
                Power.CI,
                f"the action {action[0].split(':', 1)[1].strip()}, which is not pinned to a commit",
                number,
            )
        if is_manifest(path) and (hook := _HOOKS.search(line)):
            yield Use(Power.INSTALL, f"what runs when it is built or installed ({hook[0].strip()})", number)


def is_workflow(path: str) -> bool:
    """True for what a CI runs."""
    return path.startswith((".github/", ".circleci/", ".buildkite/")) or PurePosixPath(path).name in {
        ".gitlab-ci.yml", ".travis.yml", "azure-pipelines.yml", "appveyor.yml", "bitbucket-pipelines.yml", "Jenkinsfile",
    }  # fmt: skip


def is_manifest(path: str) -> bool:
    """True for what says how a project is built and installed."""
    return PurePosixPath(path).name in {
        "pyproject.toml",
        "setup.cfg",
        "package.json",
        ".pre-commit-config.yaml",
        "Cargo.toml",
    }


# ------------------------------------------------------------------------------------------------------


def _patterns(path: str) -> tuple[dict[str, Power], dict[str, Power]]:
    """What counts in a file of that name: wherever it stands, and only where it is new there."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in {".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".html", ".vue"}:
        return {}, _JAVASCRIPT
    if suffix in {".c", ".h", ".cc", ".cpp", ".hpp", ".go", ".rs", ".java", ".rb", ".php", ".pyx"}:
        return {}, {_NATIVE: Power.PROCESS}
    if suffix in {".md", ".rst", ".txt", ".adoc", ".json", ".svg", ".css", ".csv", ".po", ".xml"}:
        return {
            key: power for key, power in _ALWAYS.items() if power not in {Power.WRITE, Power.CREDENTIALS}
        }, {}
    return (_ALWAYS | _WORKFLOW if is_workflow(path) else _ALWAYS), _NEWLY


def _installed(line: str) -> Iterator[str]:
    """Packages that a line installs, without options, versions and the project itself."""
    for match in _INSTALLS.finditer(line):
        words = (match[1] or match[2] or "").split()
        for index, word in enumerate(words):
            name = re.match(r"^[\"'`]?(@?[A-Za-z][\w./-]*)", word)
            after_option = index > 0 and words[index - 1] in {
                "-r",
                "-e",
                "-c",
                "--requirement",
                "--editable",
                "-m",
                "-t",
            }
            if (
                name
                and not after_option
                and not word.startswith(("-", ".", "$", "/"))
                and "/" not in name[1].lstrip("@")
            ):
                yield name[1]
