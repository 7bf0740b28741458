-- How much gets done, hour by hour?
-- Reads: throughput_hourly
select hour, tasks, completed, failed, calls, tokens, cost_usd
from throughput_hourly
order by hour desc;
