-- Which accepted changes were delivered as which branch, and which were not, and why?
-- Grain: one row per task whose change was to be delivered as a branch.
-- Columns:
-- task_id: the task
-- repo: path or URL of the repository, without credentials
-- task_type: the task type
-- accepted_model: the model whose change was accepted; NULL: none was accepted by the gates
-- status: delivered or not_delivered
-- branch: name of the branch; NULL: there is none
-- commit_id: the full id of its commit
-- onto: the full id of the commit that it builds on
-- detail: what happened, in one sentence
-- delivered_at: when it was delivered, or could not be (UTC)
with last as (select distinct on (task_id) * from facts.task_delivered order by task_id, recorded_at desc)
select last.task_id, t.repo, t.task_type, t.accepted_model, last.status, last.branch, last.commit_id,
       last.onto, last.detail, last.recorded_at as delivered_at
from last left join tasks t using (task_id);
