"""A sandbox that cannot be set up says why, at whatever moment bubblewrap gives up."""

import sys
from pathlib import Path

import pytest

from nightcrew.errors import SandboxUnavailable
from nightcrew.execution.confinement.bubblewrap import Bubblewrap

# As in a container that hides parts of /proc: the first process is there, and then a mount is refused.
REFUSED = """\
#!{python}
import json, os, subprocess, sys
options = os.pread(int(sys.argv[2]), 1 << 16, 0).split(b"\\0")
first = subprocess.Popen(["/bin/true"])
if {ended}: first.wait()
status = int(options[options.index(b"--json-status-fd") + 1])
os.write(status, json.dumps({{"child-pid": first.pid}}).encode() + b"\\n")
os.close(int(options[options.index(b"--block-fd") + 1]))
sys.exit("bwrap: Can't mount proc on /newroot/proc: Operation not permitted")
"""


@pytest.mark.parametrize("ended", [False, True])
def test_a_refusal_after_its_first_process_was_started_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ended: bool
) -> None:
    sandbox = Bubblewrap()
    (program := tmp_path / "bwrap").write_text(REFUSED.format(python=sys.executable, ended=ended))
    program.chmod(0o755)
    monkeypatch.setattr(sandbox, "_bwrap", str(program))
    with pytest.raises(SandboxUnavailable, match="Can't mount proc"):
        sandbox.prove()
