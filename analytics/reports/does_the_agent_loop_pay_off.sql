-- Does the agent loop pay off against one to three plain calls, by type of task?
-- Reads: attempts
select task_type, executor, count(*) as attempts, count(*) filter (outcome = 'accepted') as accepted,
       (count(*) filter (outcome = 'accepted'))::double
           / nullif(count(*) filter (outcome in ('accepted', 'rejected', 'failed')), 0) as success_rate,
       avg(calls) as calls_per_attempt, avg(seconds) as mean_seconds,
       sum(cost_usd)::double / nullif(count(*) filter (outcome = 'accepted'), 0) as known_cost_per_accepted_usd
from attempts
group by task_type, executor
order by task_type, executor;
