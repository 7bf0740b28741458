-- Was more spent and reserved than a cap allowed, at any instant? No row is the only right answer.
-- Entries of one scope are written under that scope's row lock, so their ids are in the order of time.
with running as (
    select
        id,
        at,
        scope,
        cap_usd,
        reserved_usd as change_usd,
        sum(spent_usd) over (partition by scope order by id) as spent_usd,
        sum(reserved_usd) over (partition by scope order by id) as reserved_usd
    from budget_entries
),

history as (
    select scope, at, cap_usd, spent_usd, reserved_usd, 'more than the cap' as problem
    from running
    where spent_usd + reserved_usd > cap_usd or spent_usd < 0 or reserved_usd < 0
),

latest as (
    select scope, sum(spent_usd) as spent_usd, sum(reserved_usd) as reserved_usd
    from budget_entries
    group by scope
),

open_reservations as (
    select scope, sum(amount_usd) as reserved_usd
    from budget_reservations, unnest(scopes) as scope
    group by scope
),

books as (
    select b.scope, now() as at, b.cap_usd, b.spent_usd, b.reserved_usd, 'the books do not add up' as problem
    from budgets as b
    left join latest as l on l.scope = b.scope
    left join open_reservations as o on o.scope = b.scope
    where
        b.spent_usd <> coalesce(l.spent_usd, 0)
        or b.reserved_usd <> coalesce(l.reserved_usd, 0)
        or b.reserved_usd <> coalesce(o.reserved_usd, 0)
)

select * from history
union all
select * from books
order by scope, at
