-- Which models were chosen for a task, by which policy, and what else was considered?
-- Grain: one row per task and attempt number that was planned; the last plan if there are several.
-- Columns:
-- decision_id: task and number
-- task_id: the task
-- number: the attempt that was planned, from 1
-- decided_at: when (UTC)
-- policy: name of the rule that chose
-- executor: the planned executor: direct or openhands; NULL: no model fitted
-- model: the model that was chosen; NULL: no model fitted
-- predicted_success: predicted probability (0 to 1) that the verdict accepts
-- expected_cost_usd: expected cost of the attempt, in USD
-- expected_seconds: expected duration of the attempt, in seconds
-- evidence: own outcomes behind the prediction; 0: prior only
-- rungs: the whole ladder, best first
-- alternatives: considered, not chosen
-- filtered: models left out, each with its reason
-- explanation: the choice in words
select decision_id, task_id, number, recorded_at as decided_at, policy, rungs[1].executor as executor,
       rungs[1].model as model, rungs[1].success as predicted_success,
       rungs[1].expected_cost_usd as expected_cost_usd, rungs[1].expected_seconds as expected_seconds,
       rungs[1].evidence as evidence, rungs, alternatives, filtered, explanation
from (select distinct on (decision_id) * from facts.decision order by decision_id, recorded_at desc)
