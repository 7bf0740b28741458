-- How fast does each model answer, by provider?
-- Grain: one row per requested model and provider that answered.
-- Columns:
-- asked_model: the model that was requested
-- provider: its provider; NULL: unknown
-- calls: answered calls
-- p50_ms: median time until the last byte, in milliseconds
-- p95_ms: time that 95 % stay below, in milliseconds
-- p99_ms: time that 99 % stay below, in milliseconds
-- first_token_p50_ms: median time until the first piece of a streamed answer, in milliseconds
-- output_tokens_per_second: tokens received by time spent
with answered as (
    select asked_model, provider, count(*) as calls, quantile_cont(duration_ms, [0.5, 0.95, 0.99]) as took,
           quantile_cont(first_token_ms, 0.5) as first_token_p50_ms,
           sum(output_tokens)::double / nullif(sum(duration_ms) / 1000, 0) as output_tokens_per_second
    from model_calls where fault is null group by asked_model, provider)
select asked_model, provider, calls, took[1] as p50_ms, took[2] as p95_ms, took[3] as p99_ms, first_token_p50_ms,
       output_tokens_per_second
from answered
