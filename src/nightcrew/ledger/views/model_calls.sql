-- Which requests to models were made, what did each cost, and how did it end?
-- Grain: one row per request to a model, answered or not.
-- Columns:
-- call_id: attempt and sequence; a step that was retried counts from 1 again, so started_at belongs to the key
-- attempt_id: the attempt that asked
-- task_id: the task that asked
-- sequence: position of the request in its attempt, from 1
-- asked_model: the model that was asked for
-- served_model: the model that answered, by the provider's word; NULL: no answer
-- provider: who ran the model; NULL: unknown
-- started_at: when the request was sent (UTC)
-- duration_ms: until the last byte, in milliseconds
-- first_token_ms: until the first piece of a streamed answer, in milliseconds; NULL: not streamed or no answer
-- http_status: HTTP status code; NULL: no reply
-- input_tokens: tokens sent, cached ones included
-- output_tokens: tokens received, reasoning included
-- cached_tokens: tokens of the input that the provider had in its cache
-- reasoning_tokens: tokens of the output that were reasoning
-- cost_usd: what it cost, in USD; NULL: unknown, which is not zero
-- is_cost_unknown: true where the request may have cost something and nobody said what; refusals (HTTP 400 and above) cost nothing
-- input_price_usd: price of one input token at the time, in USD; NULL: unknown
-- output_price_usd: price of one output token at the time, in USD; NULL: unknown
-- finish_reason: why the model stopped, by the provider's word
-- fault: what went wrong; NULL: answered
-- is_rate_limited: true where the request was refused with 429
-- generation_id: the provider's name for the answer
-- streamed: true where the answer came in pieces
-- quota_window: the UTC day whose free calls it is counted among; NULL: not a free model
select call_id, attempt_id, task_id, sequence, asked_model, served_model, provider, started_at, duration_ms,
       first_token_ms, http_status, input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd,
       cost_usd is null and not coalesce(http_status >= 400, false) as is_cost_unknown,
       input_price_usd, output_price_usd, finish_reason, fault,
       coalesce(http_status = 429, false) as is_rate_limited, generation_id, streamed,
       quota_window
from facts.model_call
