-- Where a task's accepted change was delivered, or why it was not.

ALTER TABLE tasks ADD COLUMN delivery JSONB;
CREATE INDEX tasks_delivered ON tasks ((delivery ->> 'repo')) WHERE delivery IS NOT NULL;
