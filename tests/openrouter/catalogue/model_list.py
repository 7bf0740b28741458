"""A plain endpoint that only answers `/v1/models`, with whatever it is given."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

LLAMA_CPP = {
    "models": [{"name": "/models/gemma-3-270m.gguf", "model": "/models/gemma-3-270m.gguf", "details": {}}],
    "object": "list",
    "data": [
        {
            "id": "/models/gemma-3-270m.gguf",
            "object": "model",
            "owned_by": "llamacpp",
            "meta": {"vocab_type": 1, "n_vocab": 262144, "n_ctx_train": 8192, "size": 241410208},
        }
    ],
}
OLLAMA = {"object": "list", "data": [{"id": "qwen3:latest", "object": "model", "owned_by": "library"}]}
VLLM = {"data": [{"id": "Qwen/Qwen3-8B", "max_model_len": 16384, "permission": []}]}
LM_STUDIO = {"data": [{"id": "phi-4", "max_context_length": 131072, "loaded_context_length": 4096}]}
NOTHING: dict[str, Any] = {"object": "list", "data": []}


@contextmanager
def model_list(body: Any, status: int = 200) -> Iterator[str]:
    """The base URL of a server whose list this is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
