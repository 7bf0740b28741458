-- The audit log: one line for each act, chained by hashes. Lines are added and, past their date, removed at the start.

CREATE TABLE audit (
    number BIGINT PRIMARY KEY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    act VARCHAR NOT NULL,
    about VARCHAR NOT NULL,
    line TEXT NOT NULL,
    hash VARCHAR NOT NULL
);

CREATE INDEX ix_audit_about ON audit (about, act);

CREATE TABLE audit_head (
    is_head BOOLEAN PRIMARY KEY DEFAULT true CHECK (is_head),
    number BIGINT NOT NULL,
    hash VARCHAR NOT NULL,
    removed BIGINT NOT NULL,
    removed_hash VARCHAR NOT NULL
);

INSERT INTO audit_head (number, hash, removed, removed_hash) VALUES (0, '', 0, '');

CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('nightcrew.audit_may_remove', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'lines of the audit log are never changed or removed';
END $$;

CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
