"""Loads the OpenHands SDK fast, without network access and without running a repository's code.

Call `load_sdk()` before anything else imports `openhands` or `litellm`.
"""

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SILENCE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # otherwise importing litellm downloads a price list
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",  # otherwise the repository's .env is loaded
    "OPENHANDS_SUPPRESS_BANNER": "1",
    "LOG_AUTO_CONFIG": "false",
    "DO_NOT_TRACK": "1",
}
FIRST_CALL = (
    "openai.resources",
    "openai.lib.streaming.chat",
    "httpcore",
    "h11",
    "h2.connection",
    "jiter",
    "litellm._service_logger",
    "litellm.llms.litellm_proxy.chat.transformation",
    "litellm.llms.vertex_ai.vertex_ai_partner_models.anthropic.transformation",
    "litellm.responses.mcp.chat_completions_handler",
)
"""What the first model call imports: loaded before a fork, its memory is shared."""
NOISE = ("DEBUG_LLM", "LMNR_PROJECT_API_KEY", "AUTOMATION_CALLBACK_URL")


def load_sdk(state_dir: str) -> None:
    """Import the SDK with its tools; user-level plugins and memory are only searched below `state_dir`.

    A process that was forked with the SDK loaded only sets its variables.
    """
    os.environ.update(SILENCE, OH_PERSISTENCE_DIR=f"{state_dir}/openhands")
    for name in [name for name in os.environ if name in NOISE or name.startswith("OTEL_")]:
        del os.environ[name]
    if "openhands.tools.terminal" in sys.modules:
        return
    with _fast_imports():
        import openhands.sdk
        import openhands.tools.file_editor
        import openhands.tools.terminal  # noqa: F401

        for name in FIRST_CALL:
            with suppress(ImportError):  # another version of the SDK may need others
                importlib.import_module(name)
    _disarm()
    _make_folders()


@contextmanager
def _fast_imports() -> Iterator[None]:
    """Import some 4,000 modules in 2.5 CPU seconds instead of 4.1.

    The garbage collector is off, because imports leave no garbage; and pydantic models of litellm and the
    protocol packages, most of which are never used, are built at their first use.
    """
    import pydantic

    gc.disable()
    pydantic.BaseModel.model_config["defer_build"] = True
    try:
        for name in ("litellm", "acp", "mcp.types"):
            importlib.import_module(name)

        del pydantic.BaseModel.model_config["defer_build"]
        yield
    finally:
        pydantic.BaseModel.model_config.pop("defer_build", None)
        gc.freeze()
        gc.enable()


def _make_folders() -> None:
    """Let the file editor create a file in a folder that is not there yet, which otherwise fails."""
    from openhands.tools.file_editor.editor import FileEditor

    write = FileEditor.write_file

    def write_in_folder(editor: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return write(editor, path, *args, **kwargs)

    FileEditor.write_file = write_in_folder


def _disarm() -> None:
    """Disable what would run a repository's code before the first model call, or use the network."""
    from openhands.sdk.conversation.impl import local_conversation
    from openhands.sdk.llm.utils import runtime_metadata

    def no_plugins(*_: Any, **__: Any) -> dict[str, Any]:
        return {}

    def no_agents(*_: Any, **__: Any) -> list[str]:
        return []

    def no_provider(_: Any) -> None:
        return None

    for module, name, harmless in (
        (local_conversation, "load_available_plugins", no_plugins),
        (local_conversation, "register_file_agents", no_agents),
        (runtime_metadata, "detect_provider", no_provider),
    ):
        if not hasattr(module, name):
            raise ImportError(f"this OpenHands SDK has no {module.__name__}.{name}: it cannot be made safe")
        setattr(module, name, harmless)
