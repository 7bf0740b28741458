-- The deployment that made a task's flow run: one that is made again has another id.

ALTER TABLE tasks ADD COLUMN deployment_id VARCHAR;
