-- What do rate limits cost us, day by day?
-- Reads: rate_limit_losses
select day, asked_model, provider, calls, rate_limited, rate_limited_share, seconds_lost, attempts_hit, attempts_lost
from rate_limit_losses
where rate_limited > 0
order by day desc, rate_limited desc, asked_model;
