# ruff: noqa: E501 - a table of patterns reads best with one to a line
"""Weaker security in Python: guards that are not called any more, switches, trust lists and numbers."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from nightcrew.validation.questions.powers import Power, Use
from nightcrew.validation.questions.surface import dotted

_GUARDS = re.compile(
    r"compare_digest|constant_time\w*|\w*(?:escape|sanitiz|saniti[sz]e|bleach)\w*|(?:shlex_|url)?quote(?:_plus|_from_bytes)?"
    r"|\w*(?:authenticat|authori[sz]|permission|login_required|csrf)\w*|is_safe\w*|check_(?:password|token|hostname|signature|origin|host)\w*"
    r"|verify\w*|validate_?(?:signature|token|host|origin|path|url|cert\w*)\w*|token_(?:bytes|hex|urlsafe)|safe_(?:load|join|extract)\w*"
    r"|is_relative_to|realpath|commonpath|secure_filename|defusedxml|raise_for_status",
    re.IGNORECASE,
)
_REFUSING = re.compile(
    r"\w*(?:Permission|Denied|Forbidden|Unauthori[sz]ed|InvalidSignature|InvalidToken|Security|Suspicious|Untrusted)\w*"
)
_OFF = {
    "verify", "check_hostname", "verify_ssl", "ssl_verify", "ssl", "autoescape", "verify_signature", "verify_exp", "verify_aud",
    "verify_iss", "verify_nbf", "verify_certs", "validate_certs", "httponly", "secure", "no_network", "csrf_protect",
    "safe_mode", "escape", "sanitize", "tls", "use_tls", "use_ssl", "load_dtd_safely", "WTF_CSRF_ENABLED",
}  # fmt: skip
_ON = {
    "shell", "trust_env", "follow_redirects", "allow_redirects", "allow_pickle", "resolve_entities", "debug", "DEBUG", "insecure",
    "load_dtd", "allow_none_algorithm", "allow_unsafe", "unsafe", "allow_credentials", "CORS_ALLOW_ALL_ORIGINS", "use_x_forwarded_host",
    "skip_verification", "no_verify", "disable_auth", "TESTING", "huge_tree", "expand_entities",
}  # fmt: skip
_TRUSTING = re.compile(
    r"trust|allow|whitelist|safe(?!ty)|permit|origins?\b|admins?\b|superusers?|schemes?\b|cors|algorithms?\b|ciphers?\b|exempt"
    r"|(?:^|_)(?:hosts?|domains?|roles?|scopes|groups)$",
    re.IGNORECASE,
)
_STRENGTH = re.compile(
    r"iterations|rounds|key_?(?:size|bits|length)|n_?bits|min_?length|n_?bytes|salt_?(?:size|length)|work_factor",
    re.IGNORECASE,
)
_LIFE = re.compile(
    r"life_?(?:time|span)|max_?age|ttl|expir\w*|leeway|(?:token|session|cookie)_?\w*(?:age|seconds|time)|max_(?:attempts|tries|failures)",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"secret|token|passw|nonce|salt|session_?id|api_?key|otp|csrf|signature|digest|hmac|verif|\bsign|authent",
    re.IGNORECASE,
)
_LOSSY = {"replace", "ignore", "backslashreplace", "xmlcharrefreplace", "namereplace"}


def weaker(old: ast.Module, new: ast.Module) -> Iterator[Use]:
    """What in `new` guards less than `old`; text that is new in a new file is compared with nothing."""
    before, after = _Guards(old), _Guards(new)
    for name, count in before.names.items():
        if after.names[name] < count and before.holders[name] & after.functions:
            holder = sorted(before.holders[name] & after.functions)[0]
            yield Use(Power.WEAKER, f"{name} guards {holder} less often", after.lines.get(holder, 1))
    for facts in ("switches", "lossy", "chance", "modes"):
        known = Counter(what for what, _ in getattr(before, facts))
        for what, line in getattr(after, facts):
            if known[what] <= 0:
                yield Use(Power.WEAKER, what, line)
            known[what] -= 1
    for name, (entries, line) in after.trusted.items():
        fresh = sorted(entries - before.trusted.get(name, (entries, 0))[0])
        if fresh:
            yield Use(Power.WEAKER, f"{name} also has {', '.join(fresh)[:80]}", line)
    for name, (value, line) in after.numbers.items():
        was = before.numbers.get(name, (value, 0))[0]
        if (_STRENGTH.search(name) and value < was) or (_LIFE.search(name) and value >= 2 * was > 0):
            yield Use(Power.WEAKER, f"{name} is {value:g} instead of {was:g}", line)


# ------------------------------------------------------------------------------------------------------


class _Guards:
    """What a file does for its security, with lines."""

    def __init__(self, tree: ast.Module) -> None:
        self.names: Counter[str] = Counter()
        self.holders: dict[str, set[str]] = {}
        self.lines: dict[str, int] = {}
        self.switches: list[tuple[str, int]] = []
        self.lossy: list[tuple[str, int]] = []
        self.chance: list[tuple[str, int]] = []
        self.modes: list[tuple[str, int]] = []
        self.trusted: dict[str, tuple[set[str], int]] = {}
        self.numbers: dict[str, tuple[float, int]] = {}
        self._read(tree, "the module")
        self.functions = {"the module", *self.lines}

    def _read(self, node: ast.AST, holder: str) -> None:
        for inner in ast.iter_child_nodes(node):
            within = holder
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                within = inner.name
                self.lines[within] = inner.lineno
                self._arguments(inner.args)
                self._chance_and_loss(inner)
            self._one(inner, holder if isinstance(node, ast.arguments) else within)
            self._read(inner, within)

    def _one(self, node: ast.AST, holder: str) -> None:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            last = node.id if isinstance(node, ast.Name) else node.attr
            if _GUARDS.fullmatch(last) and not last.isupper():
                self.names[last] += 1
                self.holders.setdefault(last, set()).add(holder)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            last = dotted(node.exc).rsplit(".", 1)[-1]
            if _REFUSING.fullmatch(last):
                self.names[last] += 1
                self.holders.setdefault(last, set()).add(holder)
        elif isinstance(node, ast.keyword) and node.arg:
            self._pair(node.arg, node.value)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._pair(dotted(target).rsplit(".", 1)[-1] or _key(target), node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._pair(dotted(node.target).rsplit(".", 1)[-1], node.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    self._pair(key.value, value)
        elif isinstance(node, ast.Compare):
            self._pair(dotted(node.left).rsplit(".", 1)[-1], node.comparators[0], "compared")
        elif isinstance(node, ast.Call):
            self._call(node)

    def _arguments(self, node: ast.arguments) -> None:
        late = [*node.posonlyargs, *node.args][-len(node.defaults) :] if node.defaults else []
        for one, value in zip([*late, *node.kwonlyargs], [*node.defaults, *node.kw_defaults], strict=True):
            if value is not None:
                self._pair(one.arg, value)

    def _pair(self, name: str, value: ast.expr, how: str = "") -> None:
        """A name and what it is given: a keyword, an assignment, an entry, a default."""
        constant = value.value if isinstance(value, ast.Constant) else None
        if (constant is False and name in _OFF) or (constant is True and name in _ON):
            self.switches.append((f"{name}={constant}", value.lineno))
        if name.lower() in {"host", "bind", "address"} and constant in {"0.0.0.0", "::"}:  # noqa: S104
            self.switches.append((f"{name}={constant!r}", value.lineno))
        if isinstance(constant, int | float) and not isinstance(constant, bool) and how == "":
            self.numbers.setdefault(name, (float(constant), value.lineno))
        elif isinstance(value, ast.BinOp) and (product := _product(value)) is not None:
            self.numbers.setdefault(name, (product, value.lineno))
        entries = _texts(value)
        if entries is not None and _TRUSTING.search(name):
            known, line = self.trusted.get(name, (set(), value.lineno))
            self.trusted[name] = (known | entries, line)
        if (
            entries
            and ("'*'" in entries or "'none'" in {entry.lower() for entry in entries})
            and _TRUSTING.search(name)
        ):
            self.switches.append((f"{name} has {sorted(entries)[0]}", value.lineno))

    def _call(self, node: ast.Call) -> None:
        last = dotted(node.func).rsplit(".", 1)[-1]
        if last in {"chmod", "mkdir", "open", "makedirs", "fchmod"}:
            for one in [*node.args, *(word.value for word in node.keywords)]:
                if (
                    isinstance(one, ast.Constant)
                    and type(one.value) is int
                    and one.value & 0o002
                    and one.value > 0o77
                ):
                    self.modes.append((f"a file mode of {one.value:o}", node.lineno))
        if last == "startswith" and node.args and isinstance(node.func, ast.Attribute):
            self._pair(dotted(node.func.value).rsplit(".", 1)[-1], node.args[0], "compared")
        if last in {"setdefault", "add_header"} or (node.args and isinstance(node.args[0], ast.Constant)):
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if texts[:1] == ["Access-Control-Allow-Origin"] and "*" in texts:
                self.switches.append(("Access-Control-Allow-Origin: *", node.lineno))

    def _chance_and_loss(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Chance that can be foretold, and decoding that hides a difference, in functions about secrets."""
        text = ast.unparse(node)
        if not _SECRET.search(text):
            return
        for one in ast.walk(node):
            if not isinstance(one, ast.Call):
                continue
            name = dotted(one.func)
            if name.startswith("random.") and name != "random.SystemRandom" and _SECRET.search(node.name):
                self.chance.append((f"{name} for a secret in {node.name}", one.lineno))
            words = [*(word.value for word in one.keywords if word.arg == "errors")]
            if name.rsplit(".", 1)[-1] in {"decode", "encode"} or words:
                words += one.args[1:2]
            for word in words:
                if isinstance(word, ast.Constant) and word.value in _LOSSY:
                    self.lossy.append(
                        (f"errors={word.value!r} in {node.name}, which is about secrets", one.lineno)
                    )


def _key(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""


def _product(node: ast.expr) -> float | None:
    """The number that a product of literals gives: `60 * 60 * 24`."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return float(node.value)
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _product(node.left), _product(node.right)
        return None if left is None or right is None else left * right
    return None


def _texts(node: ast.expr) -> set[str] | None:
    """The texts of a list, tuple or set that is written down, also where a call wraps it."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        node = node.args[0]
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return None
    return {
        repr(one.value) for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
