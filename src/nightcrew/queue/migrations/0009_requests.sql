-- What issues and comments asked for, each once, and the one comment that answers it.

CREATE TABLE requests (
    key TEXT PRIMARY KEY,
    repo TEXT NOT NULL,
    issue INTEGER NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    task JSONB,
    problem TEXT NOT NULL DEFAULT '',
    task_id TEXT,
    comment_id BIGINT,
    comment TEXT NOT NULL DEFAULT '',
    is_open BOOLEAN NOT NULL DEFAULT true
);
CREATE INDEX requests_open ON requests (repo) WHERE is_open;

CREATE TABLE watched (
    repo TEXT PRIMARY KEY,
    seen_until TIMESTAMPTZ NOT NULL
);
