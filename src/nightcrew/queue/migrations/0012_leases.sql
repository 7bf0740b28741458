-- When the process that works on a task last said so.

ALTER TABLE tasks ADD COLUMN beat TIMESTAMP WITH TIME ZONE;
