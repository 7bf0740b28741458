"""What product code does beyond computing values is heard, with the frames that lead to it."""

from pathlib import Path
from typing import Any

import pytest

from nightcrew.validation.rig.audit import Audit
from nightcrew.validation.rig.protocol import Job
from nightcrew.validation.rig.supervise import Reporter, supervise

PRODUCT = """\
import os
import pickle
import subprocess


def write(folder):
    with open(os.path.join(folder, "out.txt"), "w") as file:
        file.write("x")


def read(folder):
    return open(__file__).read()


def run(folder):
    subprocess.run(["true"])


def variable(folder):
    return os.environ["PATH"]


def remove(folder):
    write(folder)
    os.remove(os.path.join(folder, "out.txt"))


def unpickle(folder):
    return pickle.loads(pickle.dumps(os.getcwd))


def compiled(folder):
    exec("1 + 1")
"""


def heard(folder: Path, name: str) -> list[Any]:
    """What a child hears while it calls one function: a hook cannot be taken off its process."""
    path = folder / "product.py"
    path.write_text(PRODUCT)
    job = Job(str(folder), str(folder), (), "", (), (), "")

    def body(report: Reporter) -> None:
        space: dict[str, Any] = {"__file__": str(path), "__name__": "product"}
        exec(compile(PRODUCT, str(path), "exec"), space)
        audit = Audit(job)
        space[name](str(folder))
        report({"found": audit.found()})

    (row,) = supervise(body, 60)["reports"]
    return list(row["found"])


@pytest.mark.parametrize(
    ("name", "power", "line"),
    [("write", "write", 7), ("run", "process", 16), ("variable", "environment", 20), ("remove", "delete", 25),
     ("unpickle", "unsafe_data", 29), ("compiled", "dynamic", 33)],
)  # fmt: skip
def test_powers_with_the_product_line(tmp_path: Path, name: str, power: str, line: int) -> None:
    found = {one[0]: one[2][0] for one in heard(tmp_path, name)}
    assert found[power] == ["product.py", line]


def test_reading_a_file_is_no_power(tmp_path: Path) -> None:
    assert heard(tmp_path, "read") == []
