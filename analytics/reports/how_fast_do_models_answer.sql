-- How fast do models answer, slowest first?
-- Reads: model_latency
select asked_model, provider, calls, p50_ms, p95_ms, p99_ms, first_token_p50_ms, output_tokens_per_second
from model_latency
order by p95_ms desc;
