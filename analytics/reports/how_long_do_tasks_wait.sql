-- How long do tasks wait for a worker, and do urgent ones wait less?
-- Reads: queue_wait
select priority, started, waiting, median_seconds, p95_seconds, max_seconds
from queue_wait
order by case priority when 'critical' then 1 when 'high' then 2 when 'normal' then 3 else 4 end;
