-- Which answers came from another model than the one that was asked?
-- Reads: model_calls
select asked_model, served_model, provider, count(*) as calls, min(started_at) as first_at, max(started_at) as last_at
from model_calls
where served_model <> asked_model
group by asked_model, served_model, provider
order by calls desc, asked_model;
