-- Why did tasks fail, week by week?
-- Reads: failure_reasons_weekly
select week, failure_reason, tasks, share as share_of_ended_tasks, cost_usd
from failure_reasons_weekly
order by week desc, tasks desc, failure_reason;
