-- Who made a call, and the provider's own name for it, so that the call of a killed process can be settled.

ALTER TABLE budget_reservations ADD COLUMN attempt_id TEXT;
ALTER TABLE budget_reservations ADD COLUMN model TEXT;
ALTER TABLE budget_reservations ADD COLUMN host TEXT;
ALTER TABLE budget_reservations ADD COLUMN pid INTEGER;
ALTER TABLE budget_reservations ADD COLUMN pid_started DOUBLE PRECISION;
ALTER TABLE budget_reservations ADD COLUMN generation_id TEXT;
