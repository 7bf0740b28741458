-- Why do tasks fail, and which reason is growing?
-- Grain: one row per UTC week (by its Monday) and failure reason.
-- Columns:
-- week: Monday of the week, UTC
-- failure_reason: rejected, infrastructure, budget or invalid
-- tasks: tasks that failed for this reason
-- share: of the week's ended tasks, 0 to 1
-- cost_usd: sum of the known costs, in USD; NULL: unknown, which is not zero
with ended as (
    select date_trunc('week', ended_at at time zone 'UTC')::date as week, status, failure_reason, cost_usd,
           calls_of_unknown_cost
    from tasks where status in ('completed', 'failed', 'cancelled', 'needs_review')),
weeks as (select week, count(*) as ended from ended group by week)
select week, failure_reason, count(*) as tasks, count(*)::double / any_value(weeks.ended) as share,
       facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost)) as cost_usd
from ended join weeks using (week) where status = 'failed' group by week, failure_reason
