"""What the rig is asked arrives as it was asked."""

import json

from nightcrew.validation.rig.protocol import (
    Experiment,
    Job,
    Recorded,
    Replay,
    Session,
    Variant,
    document,
    read_job,
    read_replay,
)


def test_a_job_arrives_as_it_was_asked() -> None:
    inside = [
        Experiment("0", items=[], stop=4, variant=Variant([[1, 2, "x"]])),
        Experiment("1", strata=0, order=0, days=400.4),
    ]
    experiments = [Experiment("all", 900.0, cover=True), Experiment("trials", trials=inside)]
    early = [Experiment("2", replace={"a.py": ""}, variant=Variant(source="", adjusting="f"))]
    session = Session(["-q"], experiments, early, env={"A": "b"}, imports=True)
    job = Job("/w", "/w/a", ["/w/src"], "/w/a.py", ["/w/a.py"], [], "/clock", [session])
    arrived = read_job(json.loads(json.dumps(document(job))))
    assert document(arrived) == document(job)
    assert arrived.sessions[0].experiments[1].trials[0].variant == Variant([[1, 2, "x"]])


def test_a_replay_arrives_as_it_was_asked() -> None:
    replay = Replay("/w", [], [Recorded("a", "f", "gA==")], ["1"], [], ["a"], "/clock", ["/w/a.py"], 1.0)
    assert read_replay(json.loads(json.dumps(document(replay)))) == replay


def test_what_is_left_at_its_default_is_not_sent() -> None:
    assert document(Experiment("all")) == {"id": "all", "replace": {}}
