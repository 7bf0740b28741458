-- How did each attempt go: which model, how did it end, what was the verdict, and what did it cost?
-- Grain: one row per attempt, killed ones included.
-- Columns:
-- attempt_id: task and number
-- task_id: the task
-- task_type: the task type
-- number: the attempt's number, from 1
-- executor: the executor: direct or openhands
-- model: the model of the plan's rung
-- models_served: every model that answered, after rotations
-- started_at: when it began (UTC)
-- ended_at: when it ended (UTC); NULL: no end was recorded
-- seconds: duration in seconds
-- attempt_end: how the executor ended (finished, prose, stuck, ...); unfinished: no end was recorded
-- outcome: the verdict; without one: failed (by the model), infrastructure_fault, unjudged or unfinished
-- verdict: the verdict; NULL: not judged
-- score: quality, 0 to 1; NULL: not judged
-- verdict_summary: the verdict in words
-- sandbox: how the code was confined while it was judged
-- detail: how it ended, in one sentence
-- stop_cause: why it could make no more calls (quota, budget, account, ...); NULL: it could
-- patch_lines: lines added and removed
-- patch_sha256: digest of the patch; NULL: no change
-- calls: model calls, answered or not, those that tried a model included
-- input_tokens: tokens sent
-- output_tokens: tokens received
-- cost_usd: sum of the known costs, in USD; NULL: unknown, which is not zero
-- calls_of_unknown_cost: calls of unknown cost; 0: cost_usd is complete
-- calls_saved: calls whose answer came in a wrong form and was repaired in full
-- judged_as: the verdict; asked_for_test: not rejected, but returned for one more test; asked_person: only a person can decide; NULL: not judged
with started as (
    select attempt_id, any_value(task_id) as task_id, min(number) as number,
           arg_min(executor, recorded_at) as executor, arg_min(model, recorded_at) as model,
           min(recorded_at) as started_at
    from facts.attempt_started group by attempt_id),
finished as (select distinct on (attempt_id) * from facts.attempt_finished order by attempt_id, recorded_at desc),
judged as (
    select distinct on (attempt_id) *, list_transform(gates, lambda gate: gate.outcome) as outcomes
    from facts.verdict order by attempt_id, recorded_at desc),
calls as (
    select attempt_id, any_value(task_id) as task_id, arg_min(asked_model, started_at) as asked_model,
           min(started_at) as started_at, count(*) as calls,
           sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
           facts.known_cost(sum(cost_usd), count(*) filter (is_cost_unknown)) as cost_usd,
           count(*) filter (is_cost_unknown) as calls_of_unknown_cost
    from model_calls group by attempt_id),
saved as (
    select attempt_id, count(*) as calls_saved
    from (select attempt_id, call_id, started_at from rescues group by all having bool_and(worked))
    group by attempt_id),
types as (select distinct on (task_id) task_id, task_type from facts.task_submitted order by task_id, recorded_at),
ids as (
    select attempt_id from started union select attempt_id from finished
    union select attempt_id from judged union select attempt_id from calls),
joined as (
    select ids.attempt_id, coalesce(s.task_id, f.task_id, j.task_id, c.task_id) as task_id,
           coalesce(f.number, s.number) as number, coalesce(f.executor, s.executor) as executor,
           coalesce(f.model, s.model, c.asked_model) as model, coalesce(f.models_served, []) as models_served,
           /* More than a minute before the attempt's own beginning, its clock was set in between. */
           case when least(s.started_at, c.started_at) < f.started_at - interval 1 minute then f.started_at
                else least(f.started_at, s.started_at, c.started_at) end as started_at, f.ended_at,
           coalesce(f.attempt_end, 'unfinished') as attempt_end, j.verdict, j.score, j.summary as verdict_summary,
           j.sandbox, f.detail, f.stop_cause, f.patch_lines, f.patch_sha256, coalesce(c.calls, 0) as calls,
           coalesce(c.input_tokens, 0) as input_tokens, coalesce(c.output_tokens, 0) as output_tokens,
           case when c.attempt_id is null then 0 else c.cost_usd end::decimal(18, 9) as cost_usd,
           coalesce(c.calls_of_unknown_cost, 0) as calls_of_unknown_cost, coalesce(r.calls_saved, 0) as calls_saved,
           case when j.verdict = 'rejected' and not list_contains(outcomes, 'fail')
                     and list_contains(outcomes, 'unproven') then 'asked_for_test'
                when j.verdict = 'not_measurable' and list_contains(outcomes, 'asks')
                     and not list_contains(outcomes, 'not_measurable') then 'asked_person'
                else j.verdict end as judged_as
    from ids left join started s using (attempt_id) left join finished f using (attempt_id)
         left join judged j using (attempt_id) left join calls c using (attempt_id)
         left join saved r using (attempt_id))
select attempt_id, task_id, task_type, number, executor, model, models_served, started_at, ended_at,
       epoch(ended_at - started_at) as seconds, attempt_end,
       case when verdict = 'accepted' then 'accepted'
            when attempt_end in ('infrastructure', 'cancelled', 'budget') then 'infrastructure_fault'
            when verdict is not null then verdict
            when attempt_end = 'unfinished' then 'unfinished'
            when attempt_end = 'finished' then 'unjudged'
            else 'failed' end as outcome,
       verdict, score, verdict_summary, sandbox, detail, stop_cause, patch_lines, patch_sha256, calls, input_tokens,
       output_tokens, cost_usd, calls_of_unknown_cost, calls_saved, judged_as
from joined left join types using (task_id)
