-- Why an attempt could make no more model calls; until 0.2.0 its detail began with the cause.

ALTER TABLE attempts ADD COLUMN stop_cause VARCHAR;
UPDATE attempts SET stop_cause = split_part(detail, ': ', 1)
WHERE split_part(detail, ': ', 1) IN ('quota', 'budget', 'account', 'state store', 'no model left')
  AND strpos(detail, ': ') > 0;
