-- Where did the money go: into accepted changes, or into attempts that were thrown away?
-- Reads: attempts
select task_type, outcome, count(*) as attempts, sum(calls)::bigint as calls, sum(cost_usd) as known_cost_usd,
       sum(cost_usd)::double / nullif(sum(sum(cost_usd)::double) over (), 0) as share_of_cost
from attempts
group by task_type, outcome
order by known_cost_usd desc nulls last, calls desc, task_type, outcome;
