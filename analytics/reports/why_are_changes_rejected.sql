-- Why are changes rejected: which gates say no, how often, and what do they say?
-- Reads: findings
select task_type, gate, outcome, count(*) as findings, count(distinct task_id) as tasks,
       arg_max(message, found_at) as latest_message
from findings
where outcome <> 'pass'
group by task_type, gate, outcome
order by findings desc, task_type, gate;
