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
with gates as (
    select attempt_id, arg_max(list_transform(gates, lambda gate: gate.outcome), recorded_at) as outcomes
    from facts.verdict group by attempt_id),
judged as (
    select task_type, case
        when verdict = 'rejected' and not list_contains(outcomes, 'fail') and list_contains(outcomes, 'unproven')
            then 'asked_for_test'
        when verdict = 'not_measurable' and list_contains(outcomes, 'asks')
            and not list_contains(outcomes, 'not_measurable') then 'asked_person'
        else verdict end as kind
    from attempts left join gates using (attempt_id) where verdict is not null)
select task_type, count(*) as judged, count(*) filter (kind = 'accepted') as accepted,
       count(*) filter (kind = 'rejected') as rejected, count(*) filter (kind = 'asked_for_test') as asked_for_test,
       count(*) filter (kind = 'asked_person') as asked_person,
       count(*) filter (kind = 'not_measurable') as not_measurable,
       count(*) filter (kind = 'infrastructure_fault') as infrastructure_fault,
       (count(*) filter (kind in ('asked_person', 'not_measurable')))::double / count(*) as person_share
from judged group by task_type
