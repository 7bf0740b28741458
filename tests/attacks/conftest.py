"""The common frame of the attack suite. What a test here has to do:

- carry `@pytest.mark.attack(Row.X)` (or `pytestmark` for a module, or `marks=` of a table's line);
- make a real attack, and fail where it gained anything;
- call the fixture `finding` with what was met: the error, the verdict's reason, the limit that ended it. A
  test that passes without a finding fails all the same: an attack that was never made would look like that.

Every attack is made twice: by whoever runs the suite and, where that is root, once more by an ordinary user
that the suite makes (`test_ordinary_user.py` runs this folder again). `identity_free` marks attacks for which
it changes nothing who is attacked (parsers, text that is shown).
"""

from collections.abc import Iterator

import pytest

from nightcrew.errors import SandboxUnavailable
from nightcrew.execution.sandbox import Sandbox, open_sandbox
from nightcrew.settings import SandboxKind
from tests.attacks.forks import forking_sandbox
from tests.attacks.inside import Batches
from tests.attacks.rows import Findings, Row


@pytest.fixture
def finding() -> Findings:
    """To be called with what the attack met."""
    return Findings()


@pytest.fixture(autouse=True)
def _each_attack_leaves_a_finding(request: pytest.FixtureRequest) -> Iterator[None]:
    attack = request.node.get_closest_marker("attack")
    if attack is None:
        yield
        return
    (row,) = attack.args
    assert isinstance(row, Row)
    findings: Findings = request.getfixturevalue("finding")
    yield
    assert findings.left, "the attack left no finding: was it made at all?"
    request.node.user_properties.append(("finding", "; ".join(findings.left)[:500]))


FORKED = "forked"


@pytest.fixture(
    scope="session", params=[SandboxKind.BUBBLEWRAP, FORKED, SandboxKind.PODMAN, SandboxKind.DOCKER]
)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each kind of sandbox that works on this machine."""
    if request.param == FORKED:
        with forking_sandbox() as forked:
            yield forked
        return
    kind: SandboxKind = request.param
    try:
        yield open_sandbox(kind)
    except SandboxUnavailable as error:
        if kind is SandboxKind.BUBBLEWRAP:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def batches(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Batches:
    """Makes a table's attacks together."""
    return Batches(sandbox, tmp_path_factory.mktemp("attacks"))
