-- What did each gate find on each attempt?
-- Grain: one row per gate of an attempt's last verdict.
-- Columns:
-- finding_id: attempt and position
-- attempt_id: the attempt that was judged
-- task_id: its task
-- task_type: the task type
-- model: the model that did the work
-- found_at: when it was judged (UTC)
-- position: the gate's position in the verdict, from 1
-- gate: name of the gate
-- outcome: pass, fail, unproven (one more test is asked for), asks (a person is asked) or not_measurable
-- message: what was found, in words
-- hint: the feedback for the next attempt
-- strength: 0 to 1 measured by the gate (coverage, kill rate, ...); NULL: not measured
with judged as (select distinct on (attempt_id) * from facts.verdict order by attempt_id, recorded_at desc),
each_gate as (
    select attempt_id, recorded_at, unnest(gates) as found, generate_subscripts(gates, 1) as position from judged)
select attempt_id || ':' || position as finding_id, attempt_id, task_id, task_type, model,
       recorded_at as found_at, position, found.gate as gate, found.outcome as outcome, found.message as message,
       found.hint as hint, found.strength as strength
from each_gate join attempts using (attempt_id)
