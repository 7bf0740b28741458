-- Which tasks needed another model, by a second attempt or by a rotation in the middle of one?
-- Reads: tasks, attempts
with served as (
    select task_id, list_sort(list_distinct(flatten(list(models_served)))) as models_served from attempts group by task_id)
select task_id, task_type, status, attempts, models_tried, models_served, accepted_model
from tasks join served using (task_id)
where attempts > 1 or len(models_served) > 1
order by attempts desc, task_id;
