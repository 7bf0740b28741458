-- Which model calls were made, what did each cost, and how did it end?
-- Grain: one row per model call, answered or not.
-- Columns:
-- call_id: attempt and sequence; a step that was retried counts from 1 again, so started_at belongs to the key
-- attempt_id: the attempt
-- task_id: the task
-- sequence: position of the call in its attempt, from 1; 0: it tried the model before the work began
-- asked_model: the model that was requested
-- served_model: the model that answered, as the provider reports it; NULL: no answer
-- provider: provider of the model; NULL: unknown
-- started_at: when the call was sent (UTC)
-- duration_ms: until the last byte, in milliseconds
-- first_token_ms: until the first piece of a streamed answer, in milliseconds; NULL: not streamed or no answer
-- http_status: HTTP status code; NULL: no reply
-- input_tokens: tokens sent, cached ones included
-- output_tokens: tokens received, reasoning included
-- cached_tokens: tokens of the input that the provider had in its cache
-- reasoning_tokens: tokens of the output that were reasoning
-- cost_usd: what it cost, in USD; NULL: unknown, which is not zero
-- is_cost_unknown: true if the call may have cost something and the cost was not reported; refusals (HTTP 400 and above) cost nothing
-- input_price_usd: price of one input token at the time, in USD; NULL: unknown
-- output_price_usd: price of one output token at the time, in USD; NULL: unknown
-- finish_reason: why the model stopped, as the provider reports it
-- fault: what went wrong; NULL: answered
-- is_rate_limited: true if the call was refused with 429
-- generation_id: the provider's name for the answer
-- streamed: true if the answer was streamed
-- quota_window: the UTC day whose free calls it is counted among; NULL: not a free model
-- rescues: repairs of the answer's form (kind, worked); NULL: none was needed
select call_id, attempt_id, task_id, sequence, asked_model, served_model, provider, started_at, duration_ms,
       first_token_ms, http_status, input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd,
       cost_usd is null and not coalesce(http_status >= 400, false) as is_cost_unknown,
       input_price_usd, output_price_usd, finish_reason, fault,
       coalesce(http_status = 429, false) as is_rate_limited, generation_id, streamed,
       quota_window, rescues
from facts.model_call as call
/* A process that could not settle its call has recorded it: the record of who settled it later is the same call. */
where fault is distinct from 'abandoned' or not exists (
    select 1 from facts.model_call as own
    where own.attempt_id = call.attempt_id and own.started_at = call.started_at
          and own.fault is distinct from 'abandoned')
