"""What is noted of tests: how they fail, and whom they call."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from nightcrew.validation.rig.protocol import Job
from nightcrew.validation.rig.watch import Aim, _kind

PRODUCT = """\
def crash():
    return [][0]


def check(x):
    assert x


def call(function):
    return function()


def helper(x):
    return x


def twice(x):
    return helper(x) + helper(x)
"""


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "product_of_watch.py").write_text(PRODUCT)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "product_of_watch", raising=False)
    return __import__("product_of_watch")


def job(product: ModuleType) -> Job:
    path = str(product.__file__)
    return Job(str(Path(path).parent), "", (), path, (path,), (__file__,), "")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("assert 1 == 2", "assertion"),
        ("pytest.fail('no')", "assertion"),
        ("product.crash()", "crash"),
        ("product.check(0)", "crash"),  # an assertion of the product is no check of the test
        ("product.call(lambda: {}['x'])", "crash"),
        ("{}['x']", "test_crash"),
    ],
)
def test_how_a_test_fails(product: ModuleType, code: str, kind: str) -> None:
    with pytest.raises(BaseException) as failed:
        exec(compile(code, __file__, "exec"), {"product": product, "pytest": pytest})
    assert _kind(failed, job(product)) == kind


def test_calls_of_a_test_are_counted(product: ModuleType) -> None:
    aim = Aim(job(product))

    def counts(*given: int) -> list[int]:
        aim.start()
        for one in given:
            product.twice(one)
        return aim.stop()

    direct, target, _, own, once = counts(1)
    assert (direct, target, own) == (1, 3, 3)
    assert counts(1)[4] == once
    assert counts(2)[4] != once
    assert counts(1, 1)[0] == 2
    assert counts()[3] == 0
