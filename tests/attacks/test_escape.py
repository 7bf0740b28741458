"""The classic ways out of a sandbox: files, processes, the network, the kernel."""

from tests.attacks.inside import Batches, Inside, Scene, table
from tests.attacks.rows import Findings, Row


def connected(scene: Scene) -> str:
    return f"{len(scene.connections)} connections" if scene.connections else ""


ATTACKS = [
    Inside(
        Row.ESCAPE,
        "read a file of the host",
        """
        return tries(*(lambda path=path: content(path) for path in (
            told["secret"], "/proc/1/root" + told["secret"], "/proc/self/cwd/../../../.." + told["secret"])))
        """,
    ),
    Inside(
        Row.ESCAPE,
        "connect to the host's loopback",
        """
        return tries(lambda: socket.create_connection(("127.0.0.1", told["port"]), timeout=2))
        """,
        outside=connected,
    ),
]


@table(ATTACKS)
def test_no_way_out(attack: Inside, batches: Batches, finding: Findings) -> None:
    met = batches.meet(attack, ATTACKS)
    assert met.gained == ""
    assert "CRASH" not in met.how
    finding(met.how)
