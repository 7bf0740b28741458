from nightcrew.openhands.inside.protocol import (
    RESULT_MARK,
    Brief,
    ErrorFacts,
    Exit,
    Result,
    cut,
    exit_code,
    read_result,
)


def test_the_last_result_line_counts() -> None:
    result = Result(status="finished", finish_called=True, calls=3)
    lines = ['{"event": "action"}', RESULT_MARK + "{}", RESULT_MARK + result.model_dump_json()]
    assert read_result("\n".join(lines)) == result


def test_output_without_a_readable_result_has_none() -> None:
    assert read_result("") is None
    assert read_result('{"event": "action"}\n') is None
    assert read_result(RESULT_MARK + '{"status": ') is None


def test_exit_codes_tell_what_the_result_tells() -> None:
    limit = Result(status="error", error=ErrorFacts(name="MaxIterationsReached"))
    assert exit_code(Result(status="finished", finish_called=True)) == Exit.FINISHED
    assert exit_code(Result(status="finished")) == Exit.OTHER_MODEL
    assert exit_code(limit) == Exit.LIMIT
    assert exit_code(Result(status="paused", timed_out=True, finish_called=True)) == Exit.LIMIT


def test_a_cut_text_says_that_it_was_cut() -> None:
    assert cut("short") == "short"
    assert len(cut("x" * 5000)) < 2010
    assert "5000 chars" in cut("x" * 5000)


def test_a_brief_survives_the_pipe() -> None:
    brief = Brief(
        conversation_id="6d6b6a0e-0000-4000-8000-000000000000",
        prompt="Task: «naïve» \u2028 text",
        model="a/b:free",
        token="t",
        max_iterations=5,
        wall_seconds=9.5,
        call_seconds=3,
    )
    assert Brief.model_validate_json(brief.model_dump_json()) == brief
