-- What does one accepted change cost, by model and task type, failed attempts included?
-- Grain: one row per model and task type.
-- Columns:
-- model: the model of the plan's rung
-- task_type: the task type
-- attempts: attempts begun
-- accepted: attempts whose change was accepted
-- calls: model calls, answered or not
-- cost_usd: sum of the known costs, in USD; NULL: unknown, which is not zero
-- calls_of_unknown_cost: calls of unknown cost; 0: the costs are complete
-- cost_per_accepted_usd: cost_usd by accepted changes, in USD; NULL: nothing accepted, or no cost known
-- calls_per_accepted: calls by accepted changes; NULL: nothing accepted
select model, task_type, count(*) as attempts, count(*) filter (outcome = 'accepted') as accepted,
       sum(calls)::bigint as calls, facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost)) as cost_usd,
       sum(calls_of_unknown_cost)::bigint as calls_of_unknown_cost,
       (facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost))::double
           / nullif(count(*) filter (outcome = 'accepted'), 0))::decimal(18, 9) as cost_per_accepted_usd,
       sum(calls)::double / nullif(count(*) filter (outcome = 'accepted'), 0) as calls_per_accepted
from attempts group by model, task_type
