"""Run by a test in its own process: the real SDK asks each door once; writes what it made of the answers."""

import json
import sys
import warnings
from typing import Any

from nightcrew.execution.confinement.relay import Relay
from nightcrew.openhands.inside.quiet import load_sdk


def call(door: dict[str, Any]) -> dict[str, Any]:
    from openhands.sdk import LLM, Message, TextContent

    llm = LLM(
        model=f"litellm_proxy/{door['model']}",
        base_url=f"http://127.0.0.1:{Relay(door['socket']).start().port}",
        api_key=door["token"],
        num_retries=3,
        retry_min_wait=0,
        retry_max_wait=1,
        timeout=60,
        stream=door["stream"],
    )
    seen: dict[str, Any] = {"context": llm.effective_max_input_tokens}
    try:
        message = Message(role="user", content=[TextContent(text="hello")])
        answer = llm.completion(messages=[message], on_token=(lambda chunk: None) if door["stream"] else None)
        seen["text"] = "".join(part.text for part in answer.message.content)
    except Exception as error:
        seen["error"] = f"{type(error).__name__}: {error}"
    return {**seen, "cost": llm.metrics.accumulated_cost}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    request = json.loads(sys.stdin.read())
    load_sdk(request["state_dir"])
    answers = [call(door) for door in request["doors"]]
    sys.stdout.write(f"SEEN {json.dumps(answers)}\n")
