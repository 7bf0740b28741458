"""Run the real agent of the OpenHands SDK once; a program of its own, for the SDK wants to be set up first.

Arguments: workspace, model, model to fall back to, prompt; the variable BASE_URL. Prints the
tools used and the status.
"""

import os
import sys

os.environ.update(
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    LITELLM_MODE="PRODUCTION",
    LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS="True",
    OPENHANDS_SUPPRESS_BANNER="1",
    LOG_AUTO_CONFIG="false",
    DO_NOT_TRACK="1",
)

from openhands.sdk import LLM, Agent, LocalConversation, Tool
from openhands.tools.file_editor import FileEditorTool
from openhands.tools.terminal import TerminalTool


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")


def main(workspace: str, model: str, fallback: str, prompt: str) -> None:
    llm = LLM(
        model=f"openai/{model}",
        base_url=os.environ["BASE_URL"],
        api_key="none",
        num_retries=1,
        timeout=60,
        reasoning_effort=None,
        litellm_extra_body={"models": [fallback]},
    )
    tools = [
        Tool(name=TerminalTool.name, params={"terminal_type": "subprocess"}),
        Tool(name=FileEditorTool.name),
    ]
    agent = Agent(llm=llm, tools=tools, include_default_tools=["FinishTool"])
    conversation = LocalConversation(
        agent=agent,
        workspace=workspace,
        visualizer=None,
        max_iteration_per_run=15,
        callbacks=[lambda event: say("EVENT", type(event).__name__, getattr(event, "tool_name", ""))],
    )
    try:
        conversation.send_message(prompt)
        conversation.run()
        say("STATUS", conversation.state.execution_status.value)
    finally:
        conversation.close()


main(*sys.argv[1:])
