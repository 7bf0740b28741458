-- What was spent on attempts whose work was not accepted?
-- Grain: one row per task type, model and outcome other than accepted.
-- Columns:
-- task_type: the task type
-- model: the model of the plan's rung
-- outcome: rejected, failed, not_measurable, infrastructure_fault, unjudged or unfinished
-- attempts: attempts not accepted
-- calls: their model calls
-- cost_usd: sum of the known costs, in USD; NULL: unknown, which is not zero
-- calls_of_unknown_cost: calls of unknown cost; 0: cost_usd is complete
-- share_of_all_cost: cost_usd divided by all cost, 0 to 1; NULL: nothing was spent
select task_type, model, outcome, count(*) as attempts, sum(calls)::bigint as calls,
       facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost)) as cost_usd,
       sum(calls_of_unknown_cost)::bigint as calls_of_unknown_cost,
       facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost))::double
           / nullif((select sum(cost_usd)::double from attempts), 0) as share_of_all_cost
from attempts where outcome <> 'accepted' group by task_type, model, outcome
