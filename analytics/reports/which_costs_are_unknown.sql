-- Which calls have a cost that nobody knows?
-- Reads: model_calls
select asked_model, provider, fault, http_status, count(*) as calls, sum(input_tokens)::bigint as input_tokens,
       sum(output_tokens)::bigint as output_tokens
from model_calls
where is_cost_unknown
group by asked_model, provider, fault, http_status
order by calls desc, asked_model;
