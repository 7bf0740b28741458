-- How much gets done per hour?
-- Grain: one row per UTC hour in which a task ended.
-- Columns:
-- hour: beginning of the hour, UTC (without time zone)
-- tasks: ended tasks
-- completed: of these, completed
-- failed: of these, failed
-- calls: calls that these tasks took
-- tokens: tokens, sent and received, that these tasks took
-- cost_usd: sum of the known costs, in USD; NULL: unknown, which is not zero
select date_trunc('hour', ended_at at time zone 'UTC') as hour, count(*) as tasks,
       count(*) filter (status = 'completed') as completed, count(*) filter (status = 'failed') as failed,
       sum(calls)::bigint as calls, sum(input_tokens + output_tokens)::bigint as tokens,
       facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost)) as cost_usd
from tasks where ended_at is not null group by 1
