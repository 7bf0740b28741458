"""What servers of small models hand on, by public reports, tried after the rescue was written; and calls only shown."""

# ruff: noqa: E501 - forms stand in one line, as they are sent

import json
from typing import Any

import pytest

from nightcrew.openrouter.rescue.rescue import Rescued, rescued
from tests.openrouter.rescue.tools import OFFERED, body

LS = {"command": "ls -la"}

CALLS = {
    "gemma4 quotes": '<|tool_call>call:terminal{command:<|"|>ls -la<|"|>}<tool_call|>',
    "gemma4 bare colon": '<|tool_call>:terminal{command:<|"|>ls -la<|"|>}<tool_call|>',
    "gemma4 round": '<|tool_call>call:terminal(command: "ls -la")<tool_call|>',
    "gemma4 no close": '<|tool_call>call:terminal{command:<|"|>ls -la<|"|>}',
    "gemma4 leading call": 'call:terminal{command:<|"|>ls -la<|"|>}',
    "gemma4 after channel": '<|channel>thought\nI look.<channel|><|tool_call>call:terminal{command:<|"|>ls -la<|"|>}<tool_call|>',
    "qwen missing open tool": "<function=terminal>\n<parameter=command>\nls -la\n</parameter>\n</function>\n</tool_call>",
    "qwen mixed close": "<tool_call>\n<function=terminal>\n<parameter=command>\nls -la\n</parameter>\n</tool_call>",
    "qwen name attr": '<tool_call>\n<function name="terminal">\n<parameter name="command">ls -la</parameter>\n</function>\n</tool_call>',
    "qwen json in function": '<tool_call>\n<function=terminal>\n{"command": "ls -la"}\n</function>\n</tool_call>',
    "qwen 2.5 tools tag": '<tools>\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n</tools>',
    "qwen2.5 coder fenced xml": "```xml\n<function=terminal>\n<parameter=command>ls -la</parameter>\n</function>\n```",
    "lfm2": '<|tool_call_start|>[terminal(command="ls -la")]<|tool_call_end|>',
    "lfm2 prose": '<|tool_call_start|>[terminal(command="ls -la")]<|tool_call_end|>Listing the files.',
    "kimi no section": '<|tool_call_begin|>functions.terminal:0<|tool_call_argument_begin|>{"command": "ls -la"}<|tool_call_end|>',
    "kimi no func prefix": '<|tool_calls_section_begin|><|tool_call_begin|>terminal:3<|tool_call_argument_begin|>{"command": "ls -la"}<|tool_call_end|><|tool_calls_section_end|>',
    "kimi cut end": 'I look.<|tool_calls_section_begin|><|tool_call_begin|>functions.terminal:0<|tool_call_argument_begin|>{"command": "ls -la"}',
    "deepseek v3.1": '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>terminal<｜tool▁sep｜>{"command": "ls -la"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "deepseek ascii": '<|tool_calls_begin|><|tool_call_begin|>function<|tool_sep|>terminal\n```json\n{"command": "ls -la"}\n```<|tool_call_end|><|tool_calls_end|>',
    "dsml lost bars": '<DSML|function_calls><DSML|invoke name="terminal"><DSML|parameter name="command" string="true">ls -la</DSML|parameter></DSML|invoke></DSML|function_calls>',
    "dsml cut": '<｜DSML｜function_calls>\n<｜DSML｜invoke name="terminal">\n<｜DSML｜parameter name="command" string="true">ls -la</｜DSML｜parameter>\n</｜DSML｜invoke>',
    "dsml stripped": '<function_calls>\n<invoke name="terminal">\n<parameter name="command" string="true">ls -la</parameter>\n</invoke>\n</function_calls>',
    "glm oneline": "<tool_call>terminal<arg_key>command</arg_key><arg_value>ls -la</arg_value></tool_call>",
    "glm newline names": "<tool_call>\nterminal\n<arg_key>\ncommand\n</arg_key>\n<arg_value>\nls -la\n</arg_value>\n</tool_call>",
    "glm 4.5 old": 'terminal\n{"command": "ls -la"}',
    "glm think close": "</think><tool_call>terminal\n<arg_key>command</arg_key>\n<arg_value>ls -la</arg_value>\n</tool_call>",
    "minimax m1": '<tool_calls>\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n</tool_calls>',
    "minimax m2 no wrapper": '<invoke name="terminal">\n<parameter name="command">ls -la</parameter>\n</invoke>\n</minimax:tool_call>',
    "minimax bracket": ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="terminal">]<]minimax[>[<command>ls -la]<]minimax[>[</command>]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>',
    "mistral small": '[TOOL_CALLS]terminal{"command": "ls -la"}',
    "mistral v3 array id": '[TOOL_CALLS] [{"name": "terminal", "arguments": {"command": "ls -la"}, "id": "abc123def"}]</s>',
    "mistral args token": '[TOOL_CALLS]terminal[ARGS]{"command": "ls -la"}</s>',
    "mistral think": '[THINK]I look.[/THINK][TOOL_CALLS]terminal[ARGS]{"command": "ls -la"}',
    "commandr": 'Action: ```json\n[\n    {\n        "tool_name": "terminal",\n        "parameters": {\n            "command": "ls -la"\n        }\n    }\n]```',
    "phi4 mini": '<|tool_call|>[{"type": "function", "function": {"name": "terminal", "arguments": {"command": "ls -la"}}}]<|/tool_call|>',
    "phi4 mini 2": '<|tool_call|>{"type": "function", "function": "terminal", "parameters": {"command": "ls -la"}}',
    "granite3": '<tool_call>[{"name": "terminal", "arguments": {"command": "ls -la"}}]',
    "granite4 escaped": '<tool_call>\n{"name": "terminal", "arguments": "{\\"command\\": \\"ls -la\\"}"}\n</tool_call>',
    "granite20b": '<function_call> {"name": "terminal", "arguments": {"command": "ls -la"}} <function_call>',
    "llama3 eot": '{"type": "function", "name": "terminal", "parameters": {"command": "ls -la"}}<|eot_id|>',
    "llama3.2 semicolon": '{"name": "terminal", "parameters": {"command": "ls -la"}};',
    "llama4 prose pythonic": 'To see the files I will use a tool.\n\n[terminal(command="ls -la")]',
    "llama4 header": '<|header_start|>assistant<|header_end|>\n\n[terminal(command="ls -la")]<|eot|>',
    "llama missing bracket": '[terminal(command="ls -la")',
    "toolace": '[terminal(command="ls -la")]',
    "hermes no close brace": '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls -la"}\n</tool_call>',
    "hermes scratch": '<scratch_pad>\nGoal: look\n</scratch_pad>\n<tool_call>\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n</tool_call>',
    "hermes close typo": '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n</tool_cal>',
    "hermes opened twice": '<tool_call>\n<tool_call>\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n</tool_call>\n</tool_call>',
    "gptoss leak": '<|channel|>commentary to=functions.terminal <|constrain|>json<|message|>{"command": "ls -la"}',
    "gptoss analysis tool": '<|channel|>analysis to=functions.terminal code<|message|>{"command": "ls -la"}<|call|>',
    "gptoss final to": '<|start|>assistant<|channel|>final to=functions.terminal<|message|>{"command": "ls -la"}',
    "gptoss glued": 'analysisI look at the files.assistantcommentary to=functions.terminal json{"command": "ls -la"}',
    "gptoss order": '<|start|>assistant<|channel|>commentary<|constrain|>json to=functions.terminal<|message|>{"command": "ls -la"}',
    "kwaipilot": '<tool_call>terminal\n{"command": "ls -la"}</tool_call>',
    "ernie x1": '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n</tool_call>\n</response>',
    "nemotron nano": '<TOOLCALL>[{"name": "terminal", "arguments": {"command": "ls -la"}}]',
    "nemotron xml": "<tool_call>\n<function=terminal>\n<parameter=command>\nls -la\n</parameter>\n</function>\n</tool_call>\n",
    "hunyuan a13": '<answer>\n<tool_calls>[{"name": "terminal", "arguments": {"command": "ls -la"}}]</tool_calls>\n</answer>',
    "cohere north": '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "terminal", "parameters": {"command": "ls -la"}}]',
    "roo": "<terminal>\n<command>ls -la</command>\n</terminal>",
    "cline args": '<use_tool>\n<tool_name>terminal</tool_name>\n<arguments>\n{"command": "ls -la"}\n</arguments>\n</use_tool>',
    "cline mcp": '<use_mcp_tool>\n<server_name>x</server_name>\n<tool_name>terminal</tool_name>\n<arguments>\n{"command": "ls -la"}\n</arguments>\n</use_mcp_tool>',
    "openhands": "<execute>\n<function=terminal>\n<parameter=command>ls -la</parameter>\n</function>\n</execute>",
    "smolagents": 'Thought: I look.\nCode:\n```py\nterminal(command="ls -la")\n```<end_code>',
    "langchain blob": 'Thought: I look\nAction:\n```\n{\n  "action": "terminal",\n  "action_input": {"command": "ls -la"}\n}\n```',
    "react obs": 'Thought: I look.\nAction: terminal\nAction Input: {"command": "ls -la"}\nObservation:',
    "react brackets": 'Thought: I look.\nAction: terminal[{"command": "ls -la"}]',
    "ollama template leak": '{"function": {"name": "terminal", "arguments": {"command": "ls -la"}}}',
    "ollama parameters str": '{"name": "terminal", "parameters": "{\\"command\\": \\"ls -la\\"}"}',
    "function keyed": '{"terminal": {"command": "ls -la"}}',
    "tool_code gemma": '```tool_code\nterminal(command="ls -la")\n```',
    "tool_code print": '```tool_code\nprint(terminal(command="ls -la"))\n```',
    "default_api print": '```tool_code\nprint(default_api.terminal(command="ls -la"))\n```',
    "anthropic text": '[tool_use: terminal(input={"command": "ls -la"})]',
    "calling tool": 'Calling tool terminal with arguments: {"command": "ls -la"}',
    "tool bracket": '[Calling tool: terminal({"command": "ls -la"})]',
    "xml json": '<tool>terminal</tool><args>{"command": "ls -la"}</args>',
    "invoke cmd": "<invoke><tool>terminal</tool><command>ls -la</command></invoke>",
    "html entities": '&lt;tool_call&gt;{"name": "terminal", "arguments": {"command": "ls -la"}}&lt;/tool_call&gt;',
    "html entities quot": "<tool_call>{&quot;name&quot;: &quot;terminal&quot;, &quot;arguments&quot;: {&quot;command&quot;: &quot;ls -la&quot;}}</tool_call>",
    "fullwidth brackets": '【tool_call】{"name": "terminal", "arguments": {"command": "ls -la"}}【/tool_call】',
    "japanese": '次のツールを呼び出します：\n{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "russian": 'Вызываю инструмент:\n{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "json lang fence tool": '```tool_call\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```',
    "json fence label": '```function_call\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```',
    "fence bash curl style": '```terminal\n{"command": "ls -la"}\n```',
    "emphasis": '**terminal**\n```json\n{"command": "ls -la"}\n```',
    "end tokens": '{"name": "terminal", "arguments": {"command": "ls -la"}}<|im_end|>',
    "end tokens2": '{"name": "terminal", "arguments": {"command": "ls -la"}}</s><s>',
    "double": '{"tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "terminal", "arguments": "{\\"command\\": \\"ls -la\\"}"}}]}',
    "role tool": '{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "terminal", "arguments": "{\\"command\\": \\"ls -la\\"}"}}]}',
    "assistant prefix": 'assistant\n\n{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "assistant colon": 'Assistant: <tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}</tool_call>',
    "tool:args pipe": 'terminal|{"command": "ls -la"}',
    "arrow": '-> terminal({"command": "ls -la"})',
}

ASKED_AGAIN = {
    "gemma4 BEGIN_ARG": "call:terminal:\nBEGIN_ARG:\nls -la\nEND_ARG",
    "qwen no close at all": "I'll list the files.\n\n<function=terminal>\n<parameter=command> ls -la\n",
    "glm no tool_call open": "terminal\n<arg_key>command</arg_key>\n<arg_value>ls -la</arg_value>\n</tool_call>",
    "ollama properties": '{"name": "terminal", "parameters": {"properties": {"command": "ls -la"}}}',
    "schema values": '{"name": "terminal", "parameters": {"type": "object", "properties": {"command": {"type": "string", "value": "ls -la"}}}}',
    "hist echo": '[Tool Call] terminal({"command": "ls -la"})',
    "ndjson prefix": 'data: {"name": "terminal", "arguments": {"command": "ls -la"}}',
    "hash": '#terminal({"command": "ls -la"})',
}

SHOWN = {
    "user asks log": 'The log has this line:\n\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n\nso the agent had deleted it.',
    "template doc": 'Hermes models write calls as <tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call>, which the parser must read.',
    "test fixture yaml": "tests/fixtures/call.yaml:\n```yaml\nname: terminal\narguments:\n  command: rm -rf /\n```",
    "readme snippet": 'README.md now says:\n\n```json\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n```\n\nThe docs are done.',
    "regexp": 'The pattern `<tool_call>(.*?)</tool_call>` matches {"name": "terminal", "arguments": {"command": "rm -rf /"}} too.',
    "issue body": 'Issue #4 reports:\n\n    <tool_call>\n    {"name": "terminal", "arguments": {"command": "rm -rf /"}}\n    </tool_call>\n\nI fixed the parser.',
    "answer about tools": 'You can use the tool terminal with {"command": "rm -rf /"} if you want to delete all.',
    "counterfactual": 'If I called terminal(command="rm -rf /"), everything would be gone.',
    "previous model": 'The previous assistant wrote:\n<tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call>\nI do not repeat it.',
    "thought think tags": '<think>I might do\n<tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call>\nbut no.</think>\nI stop here.',
    "seed think": '<seed:think><tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call></seed:think>\nI stop here.',
    "thinking fence": '```thinking\nterminal(command="rm -rf /")\n```\nNothing to do.',
    "harmony analysis": '<|channel|>analysis<|message|>We could call {"name": "terminal", "arguments": {"command": "rm -rf /"}}<|end|><|start|>assistant<|channel|>final<|message|>Nothing to do.',
    "list of options": 'Options:\n1. terminal(command="rm -rf /")\n2. do nothing\n\nI choose 2.',
    "permission": 'May I run this?\n```json\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n```',
    "table": '| tool | call |\n|---|---|\n| terminal | {"name": "terminal", "arguments": {"command": "rm -rf /"}} |',
    "error quote": 'Error: could not parse tool call: {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "python test": '```python\nEXPECTED = {"name": "terminal", "arguments": {"command": "rm -rf /"}}\nassert parse(text) == EXPECTED\n```',
    "jsonl file": 'Contents of calls.jsonl:\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "german example": 'Zum Beispiel:\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "chinese example": '例如：\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "french": 'Par exemple :\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "spanish": 'Por ejemplo:\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "dont spanish": 'No ejecutes:\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "warning": 'Warning: never send\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "commit msg": 'Commit message:\n\nfix(parser): read {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "sed": 'I replaced {"name": "terminal", "arguments": {"command": "rm -rf /"}} by the new form in docs/tools.md.',
    "diff2": '--- a/x\n+++ b/x\n@@ -1 +1 @@\n+{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "system prompt echo": 'My instructions say: respond with {"name": "terminal", "arguments": {"command": "rm -rf /"}} when files must go.',
    "obs": 'Observation: {"name": "terminal", "arguments": {"command": "rm -rf /"}}\nThought: I am done.\nFinal Answer: nothing.',
    "tool_output": '<tool_output>\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n</tool_output>\nThat is what the file has.',
    "file tag": '<file path="x.json">\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n</file>',
    "file content": '<file_content>\n<tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call>\n</file_content>\nI read it.',
    "xml document": '<document>\n<invoke name="terminal"><parameter name="command">rm -rf /</parameter></invoke>\n</document>\nsummary: it has a call.',
}


def read(text: str) -> tuple[Rescued, list[tuple[str, dict[str, Any]]]]:
    made = rescued(body({"role": "assistant", "content": text}), OFFERED)
    calls = made.body["choices"][0]["message"].get("tool_calls") or ()
    return made, [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


@pytest.mark.parametrize("name", CALLS)
def test_it_is_a_call(name: str) -> None:
    assert read(CALLS[name])[1] == [("terminal", LS)]


@pytest.mark.parametrize("name", ASKED_AGAIN)
def test_what_is_not_certain_is_asked_for_once_more(name: str) -> None:
    made, calls = read(ASKED_AGAIN[name])
    assert not calls and "not a tool call" in made.hint


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_only_shown_is_not_done(name: str) -> None:
    assert read(SHOWN[name])[1] == []
