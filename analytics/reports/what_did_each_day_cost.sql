-- What did each day cost, and where will the month end?
-- Reads: budget_burn_down
select day, calls, cost_usd, month_to_date_usd, month_forecast_usd, calls_of_unknown_cost
from budget_burn_down
order by day desc;
