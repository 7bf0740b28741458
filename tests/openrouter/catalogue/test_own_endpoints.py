"""Lists of engines that publish no prices: what is read from them, and when work is refused."""

from decimal import Decimal
from typing import Any

import pytest

from nightcrew.errors import BadInput
from nightcrew.openrouter.api import OpenRouterApi
from nightcrew.openrouter.catalogue.catalogue import ModelCatalogue
from nightcrew.openrouter.catalogue.listing import DEFAULT_CONTEXT_TOKENS
from nightcrew.queue.state_store import StateStore
from tests.openrouter.catalogue.model_list import LLAMA_CPP, LM_STUDIO, NOTHING, OLLAMA, VLLM, model_list


def refreshed(store: StateStore, api: OpenRouterApi, *configured: str) -> ModelCatalogue:
    catalogue = ModelCatalogue(store, api, configured=configured, unknown_price_usd=Decimal(0))
    catalogue.refresh()
    return catalogue


@pytest.mark.parametrize(
    ("body", "configured", "name", "context"),
    [
        (LLAMA_CPP, (), "/models/gemma-3-270m.gguf", 8192),
        (OLLAMA, (), "qwen3:latest", DEFAULT_CONTEXT_TOKENS),
        (OLLAMA, ("qwen3",), "qwen3:latest", DEFAULT_CONTEXT_TOKENS),
        (VLLM, ("Qwen/Qwen3-8B",), "Qwen/Qwen3-8B", 16384),
        (LM_STUDIO, (), "phi-4", 4096),
    ],
)
def test_names_and_contexts_are_read_as_engines_state_them(
    store: StateStore, body: Any, configured: tuple[str, ...], name: str, context: int
) -> None:
    with model_list(body) as url, OpenRouterApi(url, None) as api:
        catalogue = refreshed(store, api, *configured)
        catalogue.check_usable()
        assert [(c.model, c.context_tokens) for c in catalogue.candidates()] == [(name, context)]


@pytest.mark.parametrize(
    ("body", "status", "configured", "says"),
    [
        (NOTHING, 200, (), "lists no models: name what it serves in NIGHTCREW_MODELS"),
        ({"error": "not found"}, 404, (), "lists no models: name what it serves in NIGHTCREW_MODELS"),
        (
            OLLAMA,
            200,
            ("qwen",),
            r"none of the models that NIGHTCREW_MODELS names \(qwen\); it has qwen3:lat",
        ),
    ],
)
def test_an_endpoint_that_answers_without_a_usable_model_is_refused(
    store: StateStore, body: Any, status: int, configured: tuple[str, ...], says: str
) -> None:
    with (
        model_list(body, status) as url,
        OpenRouterApi(url, None) as api,
        pytest.raises(BadInput, match=says),
    ):
        refreshed(store, api, *configured).check_usable()


@pytest.mark.parametrize(("body", "status"), [(NOTHING, 200), ({}, 404)])
def test_a_named_model_is_used_where_there_is_no_list(store: StateStore, body: Any, status: int) -> None:
    with model_list(body, status) as url, OpenRouterApi(url, None) as api:
        catalogue = refreshed(store, api, "own-model")
        catalogue.check_usable()
        assert [candidate.model for candidate in catalogue.candidates()] == ["own-model"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_one_that_cannot_answer_now_is_not_refused(store: StateStore, status: int) -> None:
    with model_list({"error": {"message": "loading"}}, status) as url, OpenRouterApi(url, None) as api:
        catalogue = refreshed(store, api)
        catalogue.check_usable()
        assert catalogue.candidates() == ()
    with OpenRouterApi(url, None) as api:  # nobody listens there any more
        refreshed(store, api).check_usable()


def test_a_model_that_was_added_since_is_found_before_work_is_refused(store: StateStore) -> None:
    with model_list(OLLAMA) as url, OpenRouterApi(url, None) as api:
        refreshed(store, api)
        known = ModelCatalogue(store, api, configured=["phi-4"], unknown_price_usd=Decimal(0))
        with pytest.raises(BadInput, match="it has qwen3:latest"):
            known.check_usable()
        assert known.latest is not None, "it looked again"
