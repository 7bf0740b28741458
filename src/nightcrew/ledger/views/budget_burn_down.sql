-- How fast does the money go, and where will the month end?
-- Grain: one row per UTC day with calls.
-- Columns:
-- month: first day of the month, UTC
-- day: UTC day
-- calls: model calls on that day
-- cost_usd: sum of the known costs of the day, in USD; NULL: unknown, which is not zero
-- calls_of_unknown_cost: calls of unknown cost; 0: cost_usd is complete
-- month_to_date_usd: known costs of the month up to that day, in USD
-- month_forecast_usd: straight line from the month to date to its last day, in USD
with days as (
    select date_trunc('month', started_at at time zone 'UTC')::date as month,
           (started_at at time zone 'UTC')::date as day, count(*) as calls,
           facts.known_cost(sum(cost_usd), count(*) filter (is_cost_unknown)) as cost_usd,
           count(*) filter (is_cost_unknown) as calls_of_unknown_cost
    from model_calls group by 1, 2),
sums as (
    select *, sum(cost_usd) over (partition by month order by day)::decimal(18, 9) as month_to_date_usd from days)
select month, day, calls, cost_usd, calls_of_unknown_cost, month_to_date_usd,
       (month_to_date_usd::double / (day - month + 1) * (last_day(month) - month + 1))::decimal(18, 9)
           as month_forecast_usd
from sums
