-- Which gates reject changes or ask, and which cannot be measured?
-- Grain: one row per gate and task type.
-- Columns:
-- gate: name of the gate
-- task_type: the task type
-- judged: how often the gate was run
-- passed: how often it passed
-- failed: how often it refused the change
-- unproven: how often it asked the next attempt for one more test
-- asks: how often it asked a person
-- not_measurable: how often it could not measure; never counted as passed
-- fail_share: failed by judged, 0 to 1
-- mean_strength: mean strength, 0 to 1; NULL: not measured
select gate, task_type, count(*) as judged, count(*) filter (outcome = 'pass') as passed,
       count(*) filter (outcome = 'fail') as failed, count(*) filter (outcome = 'unproven') as unproven,
       count(*) filter (outcome = 'asks') as asks,
       count(*) filter (outcome = 'not_measurable') as not_measurable,
       (count(*) filter (outcome = 'fail'))::double / count(*) as fail_share, avg(strength) as mean_strength
from findings group by gate, task_type
