-- How long do tasks wait for a worker, by priority?
-- Grain: one row per priority.
-- Columns:
-- priority: critical, high, normal or low
-- started: started tasks
-- waiting: waiting tasks
-- median_seconds: median wait of started tasks, in seconds
-- p95_seconds: wait that 95 % stay below, in seconds
-- max_seconds: the longest wait, in seconds
select priority, count(started_at) as started, count(*) filter (status = 'queued') as waiting,
       quantile_cont(queue_seconds, 0.5) as median_seconds, quantile_cont(queue_seconds, 0.95) as p95_seconds,
       max(queue_seconds) as max_seconds
from tasks where submitted_at is not null group by priority
