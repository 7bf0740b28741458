-- How many calls does one accepted change take, by executor and model? Free models are rationed by calls.
-- Grain: one row per executor and model.
-- Columns:
-- executor: the executor: direct or openhands
-- model: the model of the plan's rung
-- attempts: attempts begun
-- accepted: attempts whose change was accepted
-- calls: model calls, answered or not
-- refused: calls that were not answered
-- calls_per_attempt: mean number of calls of an attempt
-- calls_per_accepted: calls by accepted changes, failed attempts included; NULL: nothing accepted
with refusals as (
    select attempt_id, count(*) filter (fault is not null) as refused from model_calls group by attempt_id)
select executor, model, count(*) as attempts, count(*) filter (outcome = 'accepted') as accepted,
       sum(calls)::bigint as calls, coalesce(sum(refused), 0)::bigint as refused,
       avg(calls) as calls_per_attempt,
       sum(calls)::double / nullif(count(*) filter (outcome = 'accepted'), 0) as calls_per_accepted
from attempts left join refusals using (attempt_id) group by executor, model
