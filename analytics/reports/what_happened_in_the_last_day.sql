-- What happened in the last 24 hours, task by task?
-- Reads: tasks
select task_id, task_type, priority, status, failure_reason, models_tried, verdict, score, calls,
       input_tokens + output_tokens as tokens, cost_usd, seconds, change_path
from tasks
where coalesce(ended_at, started_at, submitted_at) >= now() - interval 24 hours
order by coalesce(ended_at, started_at, submitted_at) desc;
