"""A name is followed to the library that it comes from, whatever it is called locally."""

import ast

import pytest

from nightcrew.validation.reading.origins import Origins


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("import os\nos.system", "os.system"),
        ("import os.path as p\np.join", "os.path.join"),
        (
            "try:\n    import copyreg\nexcept ImportError:\n    import copy_reg as copyreg\ncopyreg.pickle",
            "copyreg.pickle",
        ),
        (
            "try:\n    import cPickle as p\nexcept ImportError:\n    import pickle as p\np.loads",
            "pickle.loads",
        ),
        ("from subprocess import run as go\ngo", "subprocess.run"),
        ("from os import *\nsystem", "os.system"),
        ("import os\nx = os\nx.system", "os.system"),
        ("import os\na, b = 1, os\nb.system", "os.system"),
        ("import os\nwith os as x:\n    pass\nx.system", "os.system"),
        ("import os\ngetattr(os, 'sys' + 'tem')", "os.system"),
        ("import os\nvars(os)['system']", "os.system"),
        ("import os\nos.__dict__['system']", "os.system"),
        ("import sys\nsys.modules['os'].system", "os.system"),
        ("import sys\nsys.modules.get('os').system", "os.system"),
        ("__import__('os').system", "os.system"),
        ("from importlib import import_module\nimport_module('os').system", "os.system"),
        ("import operator, os\noperator.attrgetter('system')(os)", "os.system"),
        ("import os\ndef f(run=os.system):\n    pass\nrun", "os.system"),
        ("import os\ndef f(*, run=os.system):\n    pass\nrun", "os.system"),
        ("eval", "eval"),
        ("def eval(x):\n    pass\neval", None),
        ("os.system", None),
        ("import os\nos.name + 'x'", None),
    ],
)
def test_where_an_expression_comes_from(text: str, origin: str | None) -> None:
    tree = ast.parse(text)
    last = tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert Origins(tree).of(last.value) == origin
