-- Whether the account's provider can be reached, which is a state of the whole crew.

ALTER TABLE accounts ADD COLUMN offline_since TIMESTAMP WITH TIME ZONE;
ALTER TABLE accounts ADD COLUMN offline_until TIMESTAMP WITH TIME ZONE;
ALTER TABLE accounts ADD COLUMN offline_reason TEXT;
ALTER TABLE accounts ADD COLUMN offline_probes INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE accounts ADD COLUMN online_at TIMESTAMP WITH TIME ZONE;
