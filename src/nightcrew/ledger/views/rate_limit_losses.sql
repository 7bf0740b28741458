-- What do rate limits cost us: how many calls are refused, and which attempts do they end?
-- Grain: one row per UTC day, requested model and provider.
-- Columns:
-- day: UTC day
-- asked_model: the model that was requested
-- provider: the provider; NULL: unknown
-- calls: calls
-- rate_limited: calls refused with 429
-- rate_limited_share: rate_limited by calls, 0 to 1
-- seconds_lost: time spent on refused calls, in seconds
-- attempts_hit: attempts that met at least one refusal
-- attempts_lost: of these, attempts that ended by a fault
with marked as (
    select c.*, (c.started_at at time zone 'UTC')::date as day, a.outcome
    from model_calls c join attempts a using (attempt_id))
select day, asked_model, provider, count(*) as calls, count(*) filter (is_rate_limited) as rate_limited,
       (count(*) filter (is_rate_limited))::double / count(*) as rate_limited_share,
       coalesce(sum(duration_ms) filter (is_rate_limited), 0) / 1000 as seconds_lost,
       count(distinct attempt_id) filter (is_rate_limited) as attempts_hit,
       count(distinct attempt_id) filter (is_rate_limited and outcome = 'infrastructure_fault') as attempts_lost
from marked group by day, asked_model, provider
