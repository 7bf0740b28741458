"""Files of tasks: four formats, names, defaults, an order, and one clear sentence for each mistake."""

import json

import pytest

from nightcrew.cli.batch_file import BatchFormat, BatchItem, format_of, read_batch
from nightcrew.errors import BadInput

DOCS = {"description": "Document it", "task_type": "documentation"}
YAML = """
batch: spring
budget_usd: 0.50
defaults: {task_type: documentation, base: main}
tasks:
  - {name: second, description: Document it, base: dev, after: first}
  - {name: first, description: Document it}
"""


def test_a_batch_has_defaults_an_order_and_a_budget() -> None:
    batch = read_batch(YAML, BatchFormat.YAML)
    assert (batch.name, batch.budget_usd) == ("spring", 0.5)
    assert batch.items == (
        BatchItem("first", (), {**DOCS, "base": "main"}),
        BatchItem("second", ("first",), {**DOCS, "base": "dev"}),
    )


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (BatchFormat.YAML, "- {name: a, description: Document it, task_type: documentation, after: [b, c]}"),
        (BatchFormat.JSONL, json.dumps({"name": "a", **DOCS, "after": ["b", "c"]})),
        (BatchFormat.CSV, "name,description,task_type,after,base\na,Document it,documentation,b c,"),
    ],
)
def test_the_formats_say_the_same(form: BatchFormat, text: str) -> None:
    others = {
        BatchFormat.YAML: "\n- {name: b}\n- {name: c}",
        BatchFormat.JSONL: '\n{"name": "b"}\n{"name": "c"}\n',
        BatchFormat.CSV: "\nb,,,,\nc,,,,\n",
    }
    batch = read_batch(text + others[form], form)
    assert batch.items[-1] == BatchItem("a", ("b", "c"), DOCS)


def test_a_task_without_a_name_has_the_same_one_as_long_as_it_says_the_same() -> None:
    def name(description: str) -> str:
        return read_batch(json.dumps({**DOCS, "description": description}), BatchFormat.JSONL).items[0].name

    assert name("Document it") == name("Document it") != name("Document that")


@pytest.mark.parametrize(
    ("form", "text", "problem"),
    [
        (BatchFormat.YAML, "tasks: [", "this is no YAML"),
        (BatchFormat.YAML, "tasks: []", "has no task"),
        (BatchFormat.YAML, "just words", "a batch is a list of tasks"),
        (BatchFormat.YAML, "jobs: []", "a batch has no 'jobs', only batch"),
        (BatchFormat.YAML, "tasks: {a: 1}", "'tasks' is a list"),
        (BatchFormat.YAML, "[1]", "task 1 is no mapping"),
        (BatchFormat.YAML, "- {name: a, name: b}", "'name' stands twice"),
        (BatchFormat.YAML, "- !!python/object/apply:os.getcwd []", "this is no YAML"),
        (BatchFormat.YAML, "- {name: a}\n- {name: a}", "a: two tasks have this name"),
        (BatchFormat.YAML, "- {name: a, after: b}", "a: comes after b, which is not there"),
        (
            BatchFormat.YAML,
            "- {name: a, after: [b]}\n- {name: b, after: [a]}",
            "wait for each other: a, b, a",
        ),
        (BatchFormat.YAML, "- {name: a, after: {b: 1}}", "'after' of a must be a list"),
        (BatchFormat.YAML, "- {name: a, target: x.py}", "a: a task of a batch has no 'target'"),
        (BatchFormat.YAML, "- {name: a, task_id: t-1234}", "a: a task of a batch has no 'task_id'"),
        (BatchFormat.YAML, "- 1\n" * 20, "… and 12 more"),
        (BatchFormat.YAML, "[" * 5_000, "this is no YAML"),
        (BatchFormat.JSONL, '{"name": "a", "name": "b"}', "'name' stands twice"),
        (BatchFormat.JSONL, "{", "this is no JSONL"),
        (BatchFormat.CSV, "name\na,b", "line 2: more cells than columns"),
        (BatchFormat.CSV, 'name\n"a', "this is no CSV"),
    ],
)
def test_a_mistake_is_named(form: BatchFormat, text: str, problem: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_batch(text, form)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("path", "text", "form"),
    [
        ("night.yaml", "", BatchFormat.YAML),
        ("night.json", "{}", BatchFormat.YAML),
        ("night.JSONL", "", BatchFormat.JSONL),
        ("night.csv", "", BatchFormat.CSV),
        ("-", '{"name": "a"}\n{"name": "b"}', BatchFormat.JSONL),
        ("-", '{"tasks": []}', BatchFormat.YAML),
        ("-", "tasks: []", BatchFormat.YAML),
        ("-", 'name,"task_type",description\na,unit_test,x', BatchFormat.CSV),
        ("-", "- {name: a, task_type: unit_test}", BatchFormat.YAML),
    ],
)
def test_the_format_is_known(path: str, text: str, form: BatchFormat) -> None:
    assert format_of(path, text) is form


def test_a_spreadsheets_mark_is_no_part_of_the_first_column() -> None:
    text = "\ufeffname,task_type,description\na,unit_test,Test it\n"
    assert read_batch(text, BatchFormat.CSV).items[0].name == "a"
