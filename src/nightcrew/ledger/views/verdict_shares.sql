-- How are changes judged, and how many of them need a person?
-- Grain: one row per task type.
-- Columns:
-- task_type: the task type
-- judged: attempts with a verdict
-- accepted: accepted on evidence
-- rejected: rejected
-- asked_for_test: not rejected, but returned for one more test (a person decides after the last attempt)
-- asked_person: no gate rejected it, but only a person can decide whether it is wanted
-- not_measurable: a gate could not measure it; a person decides
-- infrastructure_fault: no verdict, because of a fault outside of the change
-- person_share: asked_person and not_measurable by judged, 0 to 1
select task_type, count(*) as judged, count(*) filter (judged_as = 'accepted') as accepted,
       count(*) filter (judged_as = 'rejected') as rejected, count(*) filter (judged_as = 'asked_for_test') as asked_for_test,
       count(*) filter (judged_as = 'asked_person') as asked_person,
       count(*) filter (judged_as = 'not_measurable') as not_measurable,
       count(*) filter (judged_as = 'infrastructure_fault') as infrastructure_fault,
       (count(*) filter (judged_as in ('asked_person', 'not_measurable')))::double / count(*) as person_share
from attempts where verdict is not null group by task_type
