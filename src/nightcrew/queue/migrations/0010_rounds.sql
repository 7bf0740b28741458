-- What people made of our pull requests, and the rounds in which their reviews are answered.

ALTER TABLE tasks ADD COLUMN round JSONB;

CREATE TABLE pulls (
    task_id VARCHAR PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    status TEXT NOT NULL,
    rounds INTEGER NOT NULL DEFAULT 0,
    answered JSONB NOT NULL DEFAULT '[]',
    merge_commit TEXT,
    changed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
