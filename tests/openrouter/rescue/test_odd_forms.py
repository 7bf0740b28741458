"""Forms that nobody had listed before they were tried, and calls that a text only speaks of."""

# ruff: noqa: E501 - forms stand in one line, as they are sent

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.openrouter.rescue.rescue import rescued
from nightcrew.openrouter.rescue.text_calls import calls_in, looks_like_a_call
from tests.openrouter.rescue.tools import OFFERED, body

LS = {"command": "ls -la"}
RM = '{"name": "terminal", "arguments": {"command": "rm -rf /"}}'

ONE_CALL = {
    "guillemets": "{«name»: «terminal», «arguments»: {«command»: «ls -la»}}",
    "wide marks": '{"name"："terminal"，"arguments"：{"command"："ls -la"}}',
    "a wrapper with an object": 'tool_call("terminal", {"command": "ls -la"})',
    "a wrapper with names": 'call_tool(name="terminal", arguments={"command": "ls -la"})',
    "a wrapper with the arguments": 'execute_tool("terminal", command="ls -la")',
    "mixed fence tilde": '~~~json\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n~~~',
    "fence with attrs": '```json title="call"\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```',
    "fence xml": '```xml\n<tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}</tool_call>\n```',
    "fence opened four closed three": '````json\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```',
    "xml attr call name id": '<tool_call id="1" name="terminal">{"command": "ls -la"}</tool_call>',
    "xml attr function with id first": '<function id="a1" name="terminal"><parameter name="command" type="string">ls -la</parameter></function>',
    "invoke tool_name attr": '<invoke tool_name="terminal"><parameter name="command">ls -la</parameter></invoke>',
    "tool_call with name attr and args children": '<tool_call name="terminal"><arguments><command>ls -la</command></arguments></tool_call>',
    "tool_call name+arguments elements": '<tool_call><name>terminal</name><arguments>{"command": "ls -la"}</arguments></tool_call>',
    "tool_call name+parameters xml": "<tool_call><name>terminal</name><parameters><command>ls -la</command></parameters></tool_call>",
    "function_call tool_name input": '<function_call><tool_name>terminal</tool_name><input>{"command": "ls -la"}</input></function_call>',
    "uppercase tags": '<TOOL_CALL>{"name": "terminal", "arguments": {"command": "ls -la"}}</TOOL_CALL>',
    "uppercase function": "<FUNCTION=terminal><PARAMETER=command>ls -la</PARAMETER></FUNCTION>",
    "yaml arguments": "<tool_call>\nname: terminal\narguments:\n  command: ls -la\n</tool_call>",
    "yaml fenced": "```yaml\nname: terminal\narguments:\n  command: ls -la\n```",
    "yaml tool/parameters": '```yaml\ntool: terminal\nparameters:\n  command: "ls -la"\n```',
    "yaml after name": "Action: terminal\nAction Input:\n  command: ls -la",
    "doubled braces": '<tool_call>{{"name": "terminal", "arguments": {{"command": "ls -la"}}}}</tool_call>',
    "doubled braces bare": '{{"name": "terminal", "arguments": {{"command": "ls -la"}}}}',
    "smart quotes": "{“name”: “terminal”, “arguments”: {“command”: “ls -la”}}",
    "smart quotes python": "terminal(command=“ls -la”)",
    "BOM": '\ufeff{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "BOM in tag": '\ufeff<tool_call>\ufeff{"name": "terminal", "arguments": {"command": "ls -la"}}</tool_call>',
    "zero width": '<tool_call>\u200b{"name": "terminal", "arguments": {"command": "ls -la"}}\u200b</tool_call>',
    "nbsp indentation": '<tool_call>\xa0{\xa0"name":\xa0"terminal",\xa0"arguments":\xa0{"command": "ls -la"}}</tool_call>',
    "trailing commentary in json line": '{"name": "terminal", "arguments": {"command": "ls -la"}}  // list files',
    "comments in json": '{\n  // which tool\n  "name": "terminal",\n  "arguments": {"command": "ls -la"} /* list */\n}',
    "hash comments": '{\n  "name": "terminal", # the tool\n  "arguments": {"command": "ls -la"}\n}',
    "|tool_call| tokens": '<|tool_call|>{"name": "terminal", "arguments": {"command": "ls -la"}}<|/tool_call|>',
    "|tool_call| array": '<|tool_call|>[{"name": "terminal", "arguments": {"command": "ls -la"}}]',
    "granite": '<|tool_call|>[{"name": "terminal", "arguments": {"command": "ls -la"}}]<|end_of_text|>',
    "phi": 'functools[{"name": "terminal", "arguments": {"command": "ls -la"}}]',
    "python kwargs lines": 'terminal(\n    command="ls -la",\n)',
    "python kwargs lines with comments": 'terminal(\n    command="ls -la",  # list all\n)',
    "python colon kwargs": 'terminal(command: "ls -la")',
    "python assigned": 'result = terminal(command="ls -la")',
    "python await": 'await terminal(command="ls -la")',
    "python semicolon": 'terminal(command="ls -la");',
    "python triple": 'terminal(command="""ls -la""")',
    "python dict kwargs": 'terminal(**{"command": "ls -la"})',
    "python namespaced": 'functions.terminal(command="ls -la")',
    "python tools ns": 'tools.terminal({"command": "ls -la"})',
    "js object unquoted": "terminal({ command: 'ls -la' })",
    "js backticks": "terminal({ command: `ls -la` })",
    "array bare": '[{"name": "terminal", "arguments": {"command": "ls -la"}}]',
    "array of function objects": '[{"type":"function","function":{"name": "terminal", "arguments": {"command": "ls -la"}}}]',
    "arguments under input": '{"name": "terminal", "input": {"command": "ls -la"}}',
    "arguments under args": '{"name": "terminal", "args": {"command": "ls -la"}}',
    "arguments under params": '{"tool": "terminal", "params": {"command": "ls -la"}}',
    "arguments under inputs": '{"tool": "terminal", "inputs": {"command": "ls -la"}}',
    "arguments under function_args": '{"function_name": "terminal", "function_args": {"command": "ls -la"}}',
    "arguments under data": '{"tool": "terminal", "data": {"command": "ls -la"}}',
    "toolName/toolArgs": '{"toolName": "terminal", "toolArgs": {"command": "ls -la"}}',
    "tool_use id": '{"type": "tool_use", "id": "toolu_1", "name": "terminal", "input": {"command": "ls -la"}}',
    "namespaced name": '{"name": "mcp__server__terminal", "arguments": {"command": "ls -la"}}',
    "namespaced slash": '{"name": "server/terminal", "arguments": {"command": "ls -la"}}',
    "namespaced default_api:": '{"name": "default_api:terminal", "arguments": {"command": "ls -la"}}',
    "namespaced colons": '{"name": "tools::terminal", "arguments": {"command": "ls -la"}}',
    "arguments list of name/value": '{"name": "terminal", "arguments": [{"name": "command", "value": "ls -la"}]}',
    "arguments as list one": '{"name": "terminal", "arguments": [{"command": "ls -la"}]}',
    "two blobs name then args": '{"name": "terminal"}\n{"command": "ls -la"}',
    "markdown bold": '**Tool:** terminal\n**Arguments:** `{"command": "ls -la"}`',
    "tool colon": 'Tool: terminal\nInput: {"command": "ls -la"}',
    "call: header": '### Tool call\nterminal\n```json\n{"command": "ls -la"}\n```',
    "missing close brace one": '<tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}</tool_call>',
    "extra close brace": '<tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}}</tool_call>',
    "wrong closing tag": '<tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}</function_call>',
    "closing is opening": '<tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}<tool_call>',
    "seed": "<seed:tool_call><function=terminal><parameter=command>ls -la</parameter></function></seed:tool_call>",
    "dsml": '<｜DSML｜function_calls><｜DSML｜invoke name="terminal"><｜DSML｜parameter name="command" string="true">ls -la</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>',
    "step tool": '<steptml:invoke name="terminal"><steptml:parameter name="command">ls -la</steptml:parameter></steptml:invoke>',
    "space after lt": '< tool_call >{"name": "terminal", "arguments": {"command": "ls -la"}}< / tool_call >',
    "escaped lt": '\\<tool_call\\>{"name": "terminal", "arguments": {"command": "ls -la"}}\\</tool_call\\>',
    "single quoted args json string": "{'name': 'terminal', 'arguments': '{\"command\": \"ls -la\"}'}",
    "equals instead colon": '{"name" = "terminal", "arguments" = {"command" = "ls -la"}}',
    "arrow": '{"name" => "terminal", "arguments" => {"command" => "ls -la"}}',
    "missing comma": '{"name": "terminal" "arguments": {"command": "ls -la"}}',
    "newline instead comma": '{"name": "terminal"\n"arguments": {"command": "ls -la"}}',
    "harmony no ns": '<|start|>assistant<|channel|>commentary to=terminal<|message|>{"command": "ls -la"}',
    "harmony analysis then call": '<|channel|>analysis<|message|>I look.<|end|><|start|>assistant<|channel|>commentary to=functions.terminal<|message|>{"command": "ls -la"}<|call|>',
    "llama custom": '<function=terminal>{"command": "ls -la"}</function>',
    "llama3 pythonic": '<|python_tag|>terminal.call(command="ls -la")',
    "llama3 call query": '<|python_tag|>terminal(command="ls -la")<|eom_id|>',
    "json in answer key": '{"thoughts": "x", "tool_calls": [{"tool_name": "terminal", "tool_input": {"command": "ls -la"}}]}',
    "next action": '{"reasoning": "x", "next_action": {"tool": "terminal", "arguments": {"command": "ls -la"}}}',
    "command dispatch": '{"action": "terminal", "action_input": {"command": "ls -la"}}',
    "hyphen bullet": '- terminal: {"command": "ls -la"}',
    "slash command": '/terminal {"command": "ls -la"}',
    "at": '@terminal({"command": "ls -la"})',
    "self-closing invoke": '<invoke name="terminal" command="ls -la"/>',
    "attributes tool open": '<terminal command="ls -la"></terminal>',
    "attributes tool open no close": '<terminal command="ls -la">',
    "cdata": '<invoke name="terminal"><parameter name="command"><![CDATA[ls -la]]></parameter></invoke>',
    "cdata own": "<terminal><command><![CDATA[ls -la]]></command></terminal>",
    "think unopened then call": 'I should look</think>\n{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "think not at start": 'Okay.\n<think>maybe <tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call></think>\n<tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}</tool_call>',
    "answer tag": '<answer>{"name": "terminal", "arguments": {"command": "ls -la"}}</answer>',
    "response tags": '<response><action>terminal</action><action_input>{"command": "ls -la"}</action_input></response>',
    "name colon text": "tool_name: terminal\ncommand: ls -la",
    "invoke names in single quotes": "<invoke name='terminal'><parameter name='command'>ls -la</parameter></invoke>",
    "atlas ns": '<atlas:invoke name="terminal"><atlas:parameter name="command">ls -la</atlas:parameter></atlas:invoke>',
    "odd extra attr": '<invoke id="3" name="terminal"><parameter name="command">ls -la</parameter></invoke>',
    "double dollars": '$$terminal$$\n{"command": "ls -la"}',
    "plus prose same line": 'Now I will list the files: {"name": "terminal", "arguments": {"command": "ls -la"}}',
    "let me call": 'Let me call terminal(command="ls -la").',
    "I will run now inline": 'I will now run `terminal(command="ls -la")`',
    "checkbox": '- [ ] terminal(command="ls -la")',
    "json5": "{name: 'terminal', arguments: {command: 'ls -la',},}",
    "percent tags": '%%tool_call%%{"name": "terminal", "arguments": {"command": "ls -la"}}%%end%%',
    "curly tags": '{tool_call}{"name": "terminal", "arguments": {"command": "ls -la"}}{/tool_call}',
    "square tags": '[tool_call]{"name": "terminal", "arguments": {"command": "ls -la"}}[/tool_call]',
    "begin/end": 'BEGIN_TOOL_CALL\n{"name": "terminal", "arguments": {"command": "ls -la"}}\nEND_TOOL_CALL',
    "tool request lmstudio": '[TOOL_REQUEST]{"name": "terminal", "arguments": {"command": "ls -la"}}[END_TOOL_REQUEST]',
    "nexus": "Call: terminal(command='ls -la')<bot_end>\nThought: I list.",
    "firefunction": ' functools[{"name": "terminal", "arguments": {"command": "ls -la"}}]',
    "hunyuan": '<tool_calls>[{"name": "terminal", "arguments": {"command": "ls -la"}}]</tool_calls>',
    "ernie": '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n</tool_call>\n',
    "jamba": '<tool_calls>[\n    {"name": "terminal", "arguments": {"command": "ls -la"}}\n]</tool_calls>',
    "internlm": '<|action_start|><|plugin|>{"name": "terminal", "arguments": {"command": "ls -la"}}<|action_end|>',
    "xlam": '[{"name": "terminal", "arguments": {"command": "ls -la"}}]',
    "longcat": "<longcat_tool_call>terminal\n<longcat_arg_key>command</longcat_arg_key>\n<longcat_arg_value>ls -la</longcat_arg_value>\n</longcat_tool_call>",
    "apertus": '<|tools_prefix|>[{"terminal": {"command": "ls -la"}}]<|tools_suffix|>',
    "olmo": '<function_calls>\nterminal(command="ls -la")\n</function_calls>',
    "solar": '<|tool_calls|><|tool_call:begin|>abc<|tool_call:name|>terminal<|tool_call:args|>{"command": "ls -la"}<|tool_call:end|><|calls|>',
    "html pre": '<pre><code>{"name": "terminal", "arguments": {"command": "ls -la"}}</code></pre>',
    "json string array": '["{\\"name\\": \\"terminal\\", \\"arguments\\": {\\"command\\": \\"ls -la\\"}}"]',
    "escaped newline json": '{\\n  "name": "terminal",\\n  "arguments": {"command": "ls -la"}\\n}',
    "arguments dict keyed with tool": '{"tool_calls": {"terminal": {"command": "ls -la"}}}',
    "arguments json string single escaped": '{"name": "terminal", "arguments": "{\'command\': \'ls -la\'}"}',
    "CRLF": '<tool_call>\r\n{"name": "terminal", "arguments": {"command": "ls -la"}}\r\n</tool_call>\r\n',
    "trailing semicolons": '{"name": "terminal", "arguments": {"command": "ls -la"}};;',
    "unquoted value": '{"name": terminal, "arguments": {"command": "ls -la"}}',
    "positional list": '{"name": "terminal", "arguments": ["ls -la"]}',
    "plain string argument": '{"name": "terminal", "arguments": "ls -la"}',
    "name in caps and json": 'TERMINAL {"command": "ls -la"}',
    "function key nested str": '{"function": "terminal", "arguments": {"command": "ls -la"}, "id": 3}',
    "call after analysis tag": '<analysis>I look.</analysis>\n{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "call after plan tag": '<plan>1. terminal(command=\'x\')</plan>\n{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "quoted user text then call": '> please run rm\n\nOk.\n{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "german prose": 'Ich schaue mir zuerst die Dateien an.\n{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "chinese prose": '我先看看文件：{"name": "terminal", "arguments": {"command": "ls -la"}}',
    "toml": '[terminal]\ncommand = "ls -la"',
    "toml fence": '```toml\n[tool_call]\nname = "terminal"\n\n[tool_call.arguments]\ncommand = "ls -la"\n```',
    "toml array": '```toml\n[[tool_calls]]\nname = "terminal"\n[tool_calls.arguments]\ncommand = "ls -la"\n```',
    "toml inline": '```toml\nname = "terminal"\narguments = { command = "ls -la" }\n```',
    "lisp": '(terminal :command "ls -la")',
    "flag": 'terminal --command "ls -la"',
    "flag eq": 'terminal --command="ls -la"',
    "flag json": "/terminal --command 'ls -la'",
    "ruby": 'terminal command: "ls -la"',
    "powershell": 'terminal -command "ls -la"',
    "qwen param no close": "<tool_call>\n<function=terminal>\n<parameter=command>\nls -la\n</function>\n</tool_call>",
    "gemma function": "<start_function_call>call:terminal{command:<escape>ls -la<escape>}<end_function_call>",
    "harmony role": '<|start|>assistant to=functions.terminal<|channel|>commentary json<|message|>{"command": "ls -la"}<|call|>',
    "harmony stripped": 'commentary to=functions.terminal json{"command": "ls -la"}',
    "functionary v3": '>>>terminal\n{"command": "ls -la"}',
    "functionary v3 all": '>>>all\nI look.\n>>>terminal\n{"command": "ls -la"}',
    "react kwargs": 'Action: terminal\nAction Input: command="ls -la"',
    "xml attrs2": '<tool_call name="terminal" arguments=\'{"command": "ls -la"}\'/>',
    "xml attrs3": "<function_call name='terminal' args='{\"command\": \"ls -la\"}'></function_call>",
    "xml attr value": '<invoke name="terminal"><parameter name="command" value="ls -la"/></invoke>',
    "yaml in tag": "<tool_call>\nterminal:\n  command: ls -la\n</tool_call>",
    "yaml keyed": "```yaml\nterminal:\n  command: ls -la\n```",
    "yaml keyed bare": "terminal:\n  command: ls -la",
    "alias cmd": '{"name": "terminal", "arguments": {"cmd": "ls -la"}}',
    "alias cmd tag": '<tool_call>{"name": "terminal", "arguments": {"Command": "ls -la"}}</tool_call>',
    "null args extra": '{"name": "terminal", "arguments": {"command": "ls -la", "timeout": null}}',
    "mistral v11": '[TOOL_CALLS]terminal[CALL_ID]abc123def[ARGS]{"command": "ls -la"}',
    "py kw json": 'terminal(arguments={"command": "ls -la"})',
    "py kw params": 'terminal(parameters={"command": "ls -la"})',
    "commandr7": '<|START_THINKING|>I look.<|END_THINKING|><|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "terminal", "parameters": {"command": "ls -la"}}\n]<|END_ACTION|>',
    "minicpm": '<|thought_start|>\nI look.\n<|thought_end|>\n<|tool_call_start|>\n```python\nterminal(command="ls -la")\n```\n<|tool_call_end|>',
    "llama4 pythonic": '<|python_start|>[terminal(command="ls -la")]<|python_end|>',
    "functionary v2": '<|from|>assistant\n<|recipient|>terminal\n<|content|>{"command": "ls -la"}<|stop|>',
    "watson": '{"type":"function_call","call_id":"c1","name":"terminal","arguments":"{\\"command\\": \\"ls -la\\"}"}',
    "whole response": '{"choices": [{"message": {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "terminal", "arguments": "{\\"command\\": \\"ls -la\\"}"}}]}}]}',
    "gemini parts": '{"parts": [{"functionCall": {"name": "terminal", "args": {"command": "ls -la"}}}]}',
    "bedrock toolUse": '{"toolUse": {"toolUseId": "t1", "name": "terminal", "input": {"command": "ls -la"}}}',
    "mcp": '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "terminal", "arguments": {"command": "ls -la"}}}',
    "nemotron": '<TOOLCALL>[{"name": "terminal", "arguments": {"command": "ls -la"}}]</TOOLCALL>',
    "step3": '<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="terminal"><steptml:parameter name="command">ls -la</steptml:parameter></steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>',
    "emoji": '🔧 {"name": "terminal", "arguments": {"command": "ls -la"}}',
}
"""Each calls the terminal with LS."""

WHOLE: dict[str, tuple[str, list[tuple[str, dict[str, Any]]]]] = {
    "a text as JSON": (
        '"{\\"name\\": \\"terminal\\", \\"arguments\\": {\\"command\\": \\"ls -la\\"}}"',
        [("terminal", {"command": "ls -la"})],
    ),
    "a call without arguments": ("list_files()", [("list_files", {})]),
    "bold name fence args": (
        'I\'ll use **file_editor** now:\n\n```json\n{"command": "create", "path": "/a.py", "file_text": "x = 1\\n\\n\\ndef f():\\n    return 2\\n"}\n```',
        [
            (
                "file_editor",
                {"command": "create", "path": "/a.py", "file_text": "x = 1\n\n\ndef f():\n    return 2\n"},
            )
        ],
    ),
    "two tools mixed": (
        '<tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}</tool_call>\n<tool_call>{"name": "finish", "arguments": {"message": "ok"}}</tool_call>',
        [("terminal", {"command": "ls -la"}), ("finish", {"message": "ok"})],
    ),
    "yaml block scalar": (
        "```yaml\ntool: file_editor\nargs:\n  command: create\n  path: /a.py\n  file_text: |\n    x = 1\n\n\n    def f():\n        return 2\n```",
        [
            (
                "file_editor",
                {"command": "create", "path": "/a.py", "file_text": "x = 1\n\n\ndef f():\n    return 2\n"},
            )
        ],
    ),
    "yaml list of two": (
        "- name: terminal\n  arguments:\n    command: ls -la\n- name: finish\n  arguments:\n    message: ok",
        [("terminal", {"command": "ls -la"}), ("finish", {"message": "ok"})],
    ),
    "py file text triple": (
        'file_editor(\n  command="create",\n  path="/a.py",\n  file_text="""x = 1\n\n\ndef f():\n    return 2\n""",\n)',
        [
            (
                "file_editor",
                {"command": "create", "path": "/a.py", "file_text": "x = 1\n\n\ndef f():\n    return 2\n"},
            )
        ],
    ),
    "xml file_text with think inside": (
        '<function=file_editor><parameter=command>create</parameter><parameter=path>/a.py</parameter><parameter=file_text>def f():\n    """<think>"""\n    return "x"\n</parameter></function>',
        [
            (
                "file_editor",
                {
                    "command": "create",
                    "path": "/a.py",
                    "file_text": 'def f():\n    """<think>"""\n    return "x"\n',
                },
            )
        ],
    ),
    "json file_text with quotes of all kinds": (
        '{"name": "file_editor", "arguments": {"command": "create", "path": "/a.md", "file_text": "<!-- x -->\\n> q\\n`c` would be\\n```diff\\n- a\\n```\\n"}}',
        [
            (
                "file_editor",
                {
                    "command": "create",
                    "path": "/a.md",
                    "file_text": "<!-- x -->\n> q\n`c` would be\n```diff\n- a\n```\n",
                },
            )
        ],
    ),
    "finish message with would": (
        '<tool_call>{"name": "finish", "arguments": {"message": "It would be done, for example."}}</tool_call>',
        [("finish", {"message": "It would be done, for example."})],
    ),
    "numbered": (
        '1. terminal(command="ls -la")\n2. finish(message="ok")',
        [("terminal", {"command": "ls -la"}), ("finish", {"message": "ok"})],
    ),
    "True/None json": (
        '{"name": "terminal", "arguments": {"command": "ls -la", "is_input": False}}',
        [("terminal", {"command": "ls -la", "is_input": False})],
    ),
    "string bool": (
        '{"name": "terminal", "arguments": {"command": "ls -la", "is_input": "false"}}',
        [("terminal", {"command": "ls -la", "is_input": False})],
    ),
    "unclosed think then nothing": ("<think>hm", []),
}

NO_CALL = {
    "a call without arguments in a sentence": "The function list_files() shows them.",
    "a wrapper in a sentence": 'One would call run_tool("terminal", command="rm -rf /") for that.',
    "inline code example": 'You could call `terminal(command="rm -rf /")`, but I will not.',
    "inline code json": 'For example, `{"name": "terminal", "arguments": {"command": "rm -rf /"}}` would delete everything.',
    "blockquote": '> terminal(command="rm -rf /")\n\nThat is what the log says; I did nothing.',
    "blockquote tool_call": '> <tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call>\n\nThis is in the issue text.',
    "prose example": 'For example, terminal(command="rm -rf /") would delete everything.',
    "fence example": 'A call looks like this, for example:\n```json\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n```\nI did not make it.',
    "do not": 'Do not run terminal(command="rm -rf /").',
    "reasoning tags mid": 'Okay.\n<thinking>terminal(command="rm -rf /")</thinking>\nNothing to do.',
    "reasoning not closed": '<think>terminal(command="rm -rf /")',
    "reasoning nested": '<think>a <think>b</think> terminal(command="rm -rf /")</think> Done.',
    "reasoning upper": '<THINK>terminal(command="rm -rf /")</THINK>Done.',
    "reasoning attr": '<think mode="x">terminal(command="rm -rf /")</think>Done.',
    "scratchpad": '<scratchpad>terminal(command="rm -rf /")</scratchpad>Done.',
    "analysis tag": '<analysis>terminal(command="rm -rf /")</analysis>Done.',
    "gemma thought": '<|channel>thought\nterminal(command="rm -rf /")<channel|>Done.',
    "reasoning token": '<|thinking|>terminal(command="rm -rf /")<|/thinking|>Done.',
    "begin_of_thought": '<|begin_of_thought|>terminal(command="rm -rf /")<|end_of_thought|>Done.',
    "inner monologue": '<reasoning>x</reasoning>\n<reflection>terminal(command="rm -rf /")</reflection>\nDone.',
    "python def body": '```python\ndef run():\n    terminal(command="rm -rf /")\n```',
    "test code": '```python\nassert terminal(command="ls") == 3\n```',
    "diff": '```diff\n+    terminal(command="rm -rf /")\n```\nThis is the change I would make.',
    "tool result echo": '<tool_response>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_response>\nDone.',
    "transcript": 'Earlier I ran terminal(command="rm -rf /tmp/x") and it worked.',
    "html comment": '<!-- <tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call> -->\nDone.',
    "schema": '{"name": "terminal", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}}',
    "quoted in double quotes": "The README says \"terminal(command='rm -rf /')\" which is wrong.",
    "docs table": '| call | does |\n|---|---|\n| `terminal(command="rm -rf /")` | deletes |',
    "backtick sentence": 'I considered `file_editor(command="create", path="/a", file_text="x")` and decided against it.',
    "question": 'Shall I run terminal(command="rm -rf /")?',
    "past": 'The previous step executed {"name": "terminal", "arguments": {"command": "rm -rf /"}} and failed.',
    "js code": '```js\nfunction run() {\n  terminal({command: "rm -rf /"});\n}\n```',
    "test fence": '```python\ndef test_terminal():\n    assert terminal("rm -rf /") is None\n```',
    "class": '```python\nclass A:\n    x = terminal("rm -rf /")\n```',
    "readme": 'Usage:\n\n    >>> terminal("rm -rf /")\n    0\n',
    "doc fence w/ words": '## Example\n\n```json\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n```\n',
    "log": '```log\n12:00 call {"name": "terminal", "arguments": {"command": "rm -rf /"}}\n```',
    "reasoning in bold": '<Thinking>\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n</Thinking>\nNo.',
    "seed think": '<seed:think>terminal(command="rm -rf /")</seed:think>No.',
    "quotes lines": '> I ran this:\n> {"name": "terminal",\n>  "arguments": {"command": "rm -rf /"}}\nBad idea.',
    "if": 'If you want to delete all, use terminal(command="rm -rf /").',
    "avoid": 'Avoid {"name": "terminal", "arguments": {"command": "rm -rf /"}}.',
    "not going": 'I am not going to call terminal(command="rm -rf /").',
    "cant": 'I cannot call terminal(command="rm -rf /") because it is unsafe.',
    "wont": 'I won\'t run terminal(command="rm -rf /").',
    "refuse": 'I refuse to run: {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "system prompt echo": 'You have these tools: terminal(command), file_editor(command, path). Answer with {"name": "terminal", "arguments": {"command": "..."}}.',
    "qualif 1": 'The syntax is <tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}</tool_call> in Hermes.',
    "doc str": 'The documentation shows:\n\n```json\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```\n\nNothing else is needed.',
    "issue text": "The issue contains this text: \"{'name': 'terminal', 'arguments': {'command': 'ls -la'}}\" and asks why it fails.",
    "log fence": 'The log of the failing test:\n```\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```\nThe failure comes from the parser.',
    "expected": 'Expected output:\n```json\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```\nActual output: nothing.',
    "german not": 'Ich werde terminal(command="rm -rf /") nicht ausführen.',
    "german beispiel": 'Zum Beispiel würde terminal(command="rm -rf /") alles löschen.',
    "french ex": 'Par exemple, terminal(command="rm -rf /") supprimerait tout.',
    "spanish no": 'No ejecutes terminal(command="rm -rf /").',
    "spanish ej": 'Por ejemplo: terminal(command="rm -rf /") borraría todo.',
    "chinese ex": '例如：{"name": "terminal", "arguments": {"command": "rm -rf /"}} 会删除所有文件。',
    "chinese not": '不要执行 terminal(command="rm -rf /")。',
    "russian ex": 'Например, terminal(command="rm -rf /") удалит всё.',
    "japanese": '例えば terminal(command="rm -rf /") は危険です。',
    "portuguese": 'Nunca execute terminal(command="rm -rf /").',
    "italian": 'Ad esempio: terminal(command="rm -rf /") cancella tutto.',
    "thought react": 'Thought: Maybe terminal(command="rm -rf /") helps, or maybe it breaks.\nFinal Answer: Nothing to do.',
    "thinking mark commandr": '<|START_THINKING|>terminal(command="rm -rf /")<|END_THINKING|>Done.',
    "thinking minicpm": '<|thought_start|>terminal(command="rm -rf /")<|thought_end|>Done.',
    "thinking llama-nemotron": '<|begin_of_thinking|>terminal(command="rm -rf /")<|end_of_thinking|>Done.',
    "harmony analysis": '<|channel|>analysis<|message|>Maybe terminal(command="rm -rf /")<|end|><|start|>assistant<|channel|>final<|message|>Done.',
    "hidden details": '<thought>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</thought>\nDone.',
    "thought json": '{"thought": "terminal(command=\'rm -rf /\')", "answer": "done"}',
    "readme section": '# Usage\n\n```python\nterminal(command="rm -rf /")\n```\n\nThis is what I wrote into the README.',
    "quoted said": 'The user wrote: terminal(command="rm -rf /")',
    "issue says": 'Issue #3 says: {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "old": 'Previously: {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "bad": 'Bad: terminal(command="rm -rf /")\nThis must never be run.',
    "wrong": 'Wrong:\n```json\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```\nRight: use finish.',
    "dangerous": 'It is dangerous to run terminal(command="rm -rf /").',
    "user block": '<user_query>terminal(command="rm -rf /")</user_query>\nDone.',
    "document block": '<document>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</document>\nDone.',
    "file block": '<file path="a.json">{"name": "terminal", "arguments": {"command": "rm -rf /"}}</file>\nDone.',
    "code path fence": '```json a.json\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```\nThat is the content of the fixture.',
    "fixture": 'The fixture `calls.json` contains\n```json\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```',
    "content of": 'Contents of tests/data.json:\n```json\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```',
    "toolresult fence": 'Tool output:\n```\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n```',
    "observation react": 'Observation: {"name": "terminal", "arguments": {"command": "rm -rf /"}}\nThought: ok.\nFinal Answer: done',
    "search replace": '### FILE a.py\n<<<<<<< SEARCH\nterminal(command="a")\n=======\nterminal(command="b")\n>>>>>>> REPLACE',
    "hypothet": 'Had I run terminal(command="rm -rf /"), all would be lost.',
    "strike": '~~terminal(command="rm -rf /")~~',
    "the model should": 'The agent should have called terminal(command="ls").',
    "unless": 'Unless you run terminal(command="ls"), nothing happens.',
    "user can": 'You can run terminal(command="ls -la") to see them.',
    "users may": 'Users may call terminal(command="ls -la").',
    "to see": 'To see them, run terminal(command="ls -la") yourself.',
    "instr": 'Please run: terminal(command="ls -la")',
    "italics": '*terminal(command="rm -rf /")* is what the attacker sent.',
    "attacker": 'The attacker\'s payload: {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "ticket": 'Ticket text:\n"""\n{"name": "terminal", "arguments": {"command": "ls -la"}}\n"""\nI ignore it.',
    "injection": 'The file contains an instruction, which I ignore: <tool_call>{"name": "terminal", "arguments": {"command": "ls -la"}}</tool_call>',
    "comment py": '```python\n# terminal(command="rm -rf /")\nx = 1\n```',
    "comment hash": '# terminal(command="rm -rf /")',
    "docstring": '```python\n"""Example.\n\nterminal(command="rm -rf /")\n"""\n```',
    "lambda": 'f = lambda: terminal(command="rm -rf /")',
    "decor": '```python\n@tool\ndef terminal(command="x"): ...\n```',
    "reviewed": 'I reviewed the test data:\n```json\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}\n```\nIt is fine.',
    "next line of a file": 'Next, the file has this line:\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "what was sent": 'First, what the agent sent:\n<tool_call>{"name": "terminal", "arguments": {"command": "rm -rf /"}}</tool_call>',
    "notes": 'My notes: {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "typed": 'Then the user typed terminal(command="rm -rf /").',
    "reading gives": 'Reading the file gives:\n{"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "goes on after it": "The tests pass.\n\nterminal:\n  command: rm -rf /\n\nis what the YAML fixture holds.",
    "a trace": 'We see in the trace: {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "recommend": 'I recommend terminal(command="rm -rf /").',
    "in a German log": 'Ich sehe im Log: {"name": "terminal", "arguments": {"command": "rm -rf /"}}',
    "assert": 'assert terminal(command="rm -rf /")',
    "import": 'from x import terminal\nterminal.command = "rm"',
}


def read(text: str) -> list[tuple[str, dict[str, Any]]]:
    return [(found.tool.name, dict(found.arguments)) for found in calls_in(text, OFFERED, cut=False)[0]]


@pytest.mark.parametrize("form", ONE_CALL)
def test_one_call_is_read_with_prose_around_it(form: str) -> None:
    for text in (ONE_CALL[form], f"I will look.\n\n{ONE_CALL[form]}", f"{ONE_CALL[form]}\n\nThen I go on."):
        assert read(text) == [("terminal", LS)], text


@pytest.mark.parametrize("form", WHOLE)
def test_every_call_is_read_whole(form: str) -> None:
    text, calls = WHOLE[form]
    assert read(text) == calls


@pytest.mark.parametrize("form", NO_CALL)
def test_what_a_text_only_speaks_of_is_never_called(form: str) -> None:
    answer = body({"role": "assistant", "content": NO_CALL[form]})
    assert "tool_calls" not in rescued(answer, OFFERED).body["choices"][0]["message"]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "thinking", "reasoning_details"])
def test_a_call_in_a_field_of_thinking_is_never_called(field: str) -> None:
    answer = body({"role": "assistant", "content": "Done.", field: RM})
    assert rescued(answer, OFFERED).body is answer


def test_a_call_after_a_quoted_one_is_made() -> None:
    for quoted in (f"> {RM}", f"<think>{RM}</think>", f"The log has `{RM}` in it.", f"<!-- {RM} -->"):
        assert read(
            f"Well.\n\n{quoted}\n\n<tool_call>{json.dumps({'name': 'terminal', 'arguments': LS})}"
        ) == [("terminal", LS)]


def test_a_text_with_quoted_calls_alone_gives_no_hint() -> None:
    assert not looks_like_a_call(f"The task quotes this:\n> <tool_call>{RM}</tool_call>\nI left it.", OFFERED)


pieces = st.sampled_from(
    [
        "<think>",
        "</think>",
        "`",
        "> q\n",
        "<!--",
        "-->",
        "```diff\n",
        "```\n",
        "for example ",
        "<plan>",
        "</plan>",
        "x = 1\n",
        '"',
        "{",
        "would be ",
    ]
)


@given(st.lists(pieces, max_size=12).map("".join))
def test_nothing_inside_an_argument_is_a_quotation(content: str) -> None:
    arguments = {"command": "create", "path": "/a.md", "file_text": content}
    call = json.dumps({"name": "file_editor", "arguments": arguments})
    for text in (call, f"<tool_call>{call}</tool_call>", f"I write it.\n```json\n{call}\n```\nThat is all."):
        assert read(text) == [("file_editor", arguments)]


def test_a_call_at_the_end_that_may_be_an_example_is_asked_for() -> None:
    assert looks_like_a_call('If the file is there, I read it: terminal(command="cat a.py").', OFFERED)
    assert not looks_like_a_call('Earlier I ran terminal(command="ls") and it worked.', OFFERED)


def test_wide_marks_inside_a_value_stay() -> None:
    arguments = {"command": "create", "path": "/a.md", "file_text": 'x "："，" “y” «z» `=` // # /* */'}
    call = json.dumps({"name": "file_editor", "arguments": arguments}, ensure_ascii=False)
    assert read(call) == [("file_editor", arguments)]
    assert read(f"<tool_call>{call[:-1]},}}</tool_call>") == [("file_editor", arguments)]
