-- How good is each model at each task type, and how sure are we?
-- Grain: one row per model and task type.
-- Columns:
-- model: the model of the plan's rung
-- task_type: the task type
-- attempts: attempts begun
-- counted: attempts that say something about the model: accepted, rejected or failed
-- accepted: attempts whose change was accepted
-- success_rate: accepted by counted (0 to 1); NULL: nothing counted
-- success_rate_low: lower end of its 95 % interval (Wilson)
-- success_rate_high: upper end of its 95 % interval (Wilson)
-- mean_score: mean quality (0 to 1) of judged attempts; NULL: none was judged
-- faults: attempts that ended by a fault that is not the model's
-- median_seconds: median duration of an attempt, in seconds
-- p95_seconds: duration that 95 % of the attempts stay below, in seconds
-- calls_per_attempt: mean number of calls
-- calls_saved: calls whose answer came in a wrong form and was repaired in full
-- input_tokens: tokens sent
-- output_tokens: tokens received
-- cost_usd: sum of the known costs, in USD; NULL: unknown, which is not zero
-- calls_of_unknown_cost: calls of unknown cost; 0: cost_usd is complete
with counts as (
    select model, task_type, count(*) as attempts,
           count(*) filter (outcome in ('accepted', 'rejected', 'failed')) as counted,
           count(*) filter (outcome = 'accepted') as accepted,
           avg(score) filter (outcome in ('accepted', 'rejected')) as mean_score,
           count(*) filter (outcome = 'infrastructure_fault') as faults,
           quantile_cont(seconds, 0.5) as median_seconds, quantile_cont(seconds, 0.95) as p95_seconds,
           avg(calls) as calls_per_attempt, coalesce(sum(calls_saved), 0)::bigint as calls_saved, sum(input_tokens)::bigint as input_tokens,
           sum(output_tokens)::bigint as output_tokens,
           facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost)) as cost_usd,
           sum(calls_of_unknown_cost)::bigint as calls_of_unknown_cost
    from attempts group by model, task_type),
rates as (
    select *, nullif(counted, 0)::double as n, accepted::double / nullif(counted, 0) as p, 1.959963984540054 as z
    from counts),
intervals as (
    select *, (p + z * z / (2 * n)) / (1 + z * z / n) as middle,
           z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n) as spread
    from rates)
select model, task_type, attempts, counted, accepted, p as success_rate,
       case when n > 0 then greatest(middle - spread, 0) end as success_rate_low,
       case when n > 0 then least(middle + spread, 1) end as success_rate_high,
       mean_score, faults, median_seconds, p95_seconds, calls_per_attempt, calls_saved, input_tokens, output_tokens, cost_usd,
       calls_of_unknown_cost
from intervals
