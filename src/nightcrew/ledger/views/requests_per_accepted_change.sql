-- How many requests does one accepted change take, by executor and model? Free models are rationed by requests.
-- Grain: one row per executor and model.
-- Columns:
-- executor: who worked: direct or openhands
-- model: the model of the plan's rung
-- attempts: attempts begun
-- accepted: attempts whose change was accepted
-- requests: requests to models, answered or not
-- refused: requests that were not answered
-- requests_per_attempt: mean number of requests of an attempt
-- requests_per_accepted: requests by accepted changes, failed attempts included; NULL: nothing accepted
with refusals as (
    select attempt_id, count(*) filter (fault is not null) as refused from model_calls group by attempt_id)
select executor, model, count(*) as attempts, count(*) filter (outcome = 'accepted') as accepted,
       sum(requests)::bigint as requests, coalesce(sum(refused), 0)::bigint as refused,
       avg(requests) as requests_per_attempt,
       sum(requests)::double / nullif(count(*) filter (outcome = 'accepted'), 0) as requests_per_accepted
from attempts left join refusals using (attempt_id) group by executor, model
