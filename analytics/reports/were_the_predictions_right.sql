-- Were the selector's predictions right: of the attempts promised 60 to 80 %, how many were accepted?
-- Reads: decisions, attempts
with promised as (
    select least(floor(d.predicted_success * 5), 4)::int as fifth, d.predicted_success, a.outcome
    from decisions as d join attempts as a using (task_id, number)
    where a.outcome in ('accepted', 'rejected', 'failed'))
select fifth * 0.2 as predicted_from, fifth * 0.2 + 0.2 as predicted_to, count(*) as attempts,
       avg(predicted_success) as mean_predicted,
       (count(*) filter (outcome = 'accepted'))::double / count(*) as accepted_share
from promised
group by fifth
order by fifth;
