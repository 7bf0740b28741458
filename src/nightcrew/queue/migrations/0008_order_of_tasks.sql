-- Which tasks wait until another one is completed.

CREATE TABLE task_order (
    task_id VARCHAR NOT NULL,
    after_id VARCHAR NOT NULL,
    PRIMARY KEY (task_id, after_id),
    FOREIGN KEY(task_id) REFERENCES tasks (task_id) ON DELETE CASCADE,
    FOREIGN KEY(after_id) REFERENCES tasks (task_id) ON DELETE CASCADE
);

CREATE INDEX ix_task_order_after_id ON task_order (after_id);
