-- Which model should do which type of task: how often is it accepted, how sure is that, and at what price?
-- Reads: model_performance, cost_per_accepted_change
select p.task_type, p.model, p.counted as attempts_counted, p.accepted, p.success_rate, p.success_rate_low,
       p.success_rate_high, p.mean_score, p.median_seconds, c.cost_per_accepted_usd, c.calls_per_accepted
from model_performance as p
     join cost_per_accepted_change as c
       on c.model is not distinct from p.model and c.task_type is not distinct from p.task_type
where p.counted > 0
order by p.task_type, p.success_rate_low desc, c.cost_per_accepted_usd, p.model;
