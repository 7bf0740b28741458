-- How many changes that our gates accepted did people merge, by model and task type?
-- Grain: one row per model and task type with a pull request.
-- Columns:
-- model: the model whose change was accepted; NULL: none was accepted by the gates
-- task_type: the task type
-- pull_requests: accepted changes that became pull requests
-- open: people have not decided yet
-- merged: merged by people, and not reverted
-- closed: closed without being merged
-- reverted: merged, and reverted later
-- taken_over: of the open ones, those to which a person has pushed
-- rounds: rounds in which reviews and failing checks were answered
-- merged_share: merged by those that people decided on, 0 to 1; NULL: they decided on none
with last as (select distinct on (task_id) * from facts.pull_followed order by task_id, recorded_at desc)
select t.accepted_model as model, t.task_type, count(*) as pull_requests,
       count(*) filter (last.status in ('open', 'taken_over')) as open,
       count(*) filter (last.status = 'merged') as merged,
       count(*) filter (last.status = 'closed') as closed,
       count(*) filter (last.status = 'reverted') as reverted,
       count(*) filter (last.status = 'taken_over') as taken_over, sum(last.rounds)::bigint as rounds,
       count(*) filter (last.status = 'merged')::double
           / nullif(count(*) filter (last.status in ('merged', 'closed', 'reverted')), 0) as merged_share
from last left join tasks t using (task_id) group by all
