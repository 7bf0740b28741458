-- Which tasks were submitted, how did they end, and what did they cost?
-- Grain: one row per task.
-- Columns:
-- task_id: the task
-- task_type: the task type
-- priority: critical, high, normal or low
-- complexity: the submitter's guess: simple, moderate or complex
-- repo: path or URL of the repository, without credentials
-- base: commit, tag or branch it was to start from
-- base_commit: the full commit id of that
-- target_file: the file the task is about
-- quality_threshold: score (0 to 1) that an accepted change must reach
-- max_cost_usd: the most the task may spend, in USD; NULL: the crew's default
-- max_attempts: the most attempts
-- status: queued, running, needs_review, completed, failed or cancelled
-- failure_reason: which kind of failed: rejected, infrastructure, budget or invalid
-- detail: how it ended, in one sentence
-- change_path: path of the accepted change
-- submitted_at: when it was submitted (UTC)
-- started_at: when a worker took it (UTC)
-- ended_at: when it ended (UTC); NULL: not yet
-- queue_seconds: how long it waited for a worker, in seconds; NULL: it still waits
-- seconds: from start to end, in seconds
-- attempts: how many attempts were begun
-- models_tried: the model of each attempt, in order
-- accepted_model: the model whose change was accepted; NULL: none
-- verdict: the accepted attempt's verdict, else the last one's; NULL: never judged
-- score: quality (0 to 1) that belongs to that verdict
-- calls: model calls, answered or not
-- input_tokens: tokens sent
-- output_tokens: tokens received
-- cost_usd: sum of the known costs, in USD; NULL: unknown, which is not zero
-- calls_of_unknown_cost: calls of unknown cost; 0: cost_usd is complete
-- flow_run_id: the Prefect flow run that took it last
with submitted as (select distinct on (task_id) * from facts.task_submitted order by task_id, recorded_at),
started as (
    select task_id, min(recorded_at) as started_at, arg_max(base_commit, recorded_at) as base_commit,
           arg_max(flow_run_id, recorded_at) as flow_run_id
    from facts.task_started group by task_id),
finished as (select distinct on (task_id) * from facts.task_finished order by task_id, recorded_at desc),
tried as (
    select task_id, count(*) as attempts, list(model order by number, started_at) as models_tried,
           max(model) filter (outcome = 'accepted') as accepted_model,
           arg_max(verdict, (case when verdict = 'accepted' then 1 else 0 end, number))
               filter (verdict is not null) as verdict,
           arg_max(score, (case when verdict = 'accepted' then 1 else 0 end, number))
               filter (verdict is not null) as score,
           sum(calls)::bigint as calls, sum(input_tokens)::bigint as input_tokens,
           sum(output_tokens)::bigint as output_tokens,
           facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost)) as cost_usd,
           sum(calls_of_unknown_cost)::bigint as calls_of_unknown_cost
    from attempts group by task_id),
ids as (
    select task_id from submitted union select task_id from started
    union select task_id from finished union select task_id from tried)
select ids.task_id, s.task_type, s.priority, s.complexity, s.repo, s.base, b.base_commit, s.target_file,
       s.quality_threshold, s.max_cost_usd, s.max_attempts,
       case when f.task_id is not null then f.status
            when b.task_id is not null or t.task_id is not null then 'running' else 'queued' end as status,
       f.failure_reason, f.detail, f.change_path, s.recorded_at as submitted_at, b.started_at,
       f.recorded_at as ended_at,
       case when b.started_at >= s.recorded_at then epoch(b.started_at - s.recorded_at) end as queue_seconds,
       epoch(f.recorded_at - b.started_at) as seconds, coalesce(t.attempts, 0) as attempts,
       coalesce(t.models_tried, []) as models_tried, t.accepted_model, t.verdict, t.score,
       coalesce(t.calls, 0) as calls, coalesce(t.input_tokens, 0) as input_tokens,
       coalesce(t.output_tokens, 0) as output_tokens,
       case when t.task_id is null then 0 else t.cost_usd end::decimal(18, 9) as cost_usd,
       coalesce(t.calls_of_unknown_cost, 0) as calls_of_unknown_cost, b.flow_run_id
from ids left join submitted s using (task_id) left join started b using (task_id)
     left join finished f using (task_id) left join tried t using (task_id)
