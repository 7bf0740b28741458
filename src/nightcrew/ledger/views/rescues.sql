-- Which answers came in a wrong form, what was repaired, and did it work?
-- Grain: one row per repair that was tried on an answer's form.
-- Columns:
-- call_id: attempt and sequence of the call
-- attempt_id: the attempt
-- task_id: the task
-- model: the model that answered, or else the requested one
-- provider: provider of the model; NULL: unknown
-- started_at: when the call was sent (UTC)
-- kind: what was wrong: text_call, arguments, tool_name, legacy_call, call_list, call_id, content_parts, thinking, hint, finish_reason
-- worked: false if the answer had to be passed on as it came
select call_id, attempt_id, task_id, coalesce(served_model, asked_model) as model, provider, started_at,
       rescue.kind as kind, rescue.worked as worked
from (select *, unnest(rescues) as rescue from facts.model_call)
