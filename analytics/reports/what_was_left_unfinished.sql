-- What was left unfinished: which attempts have no end, and what had they cost by then?
-- Reads: attempts
select attempt_id, task_id, task_type, executor, model, started_at, calls, input_tokens + output_tokens as tokens,
       cost_usd, calls_of_unknown_cost
from attempts
where outcome = 'unfinished'
order by started_at desc;
