-- What the crew has seen of the form of each model's answers.

CREATE TABLE model_forms (
    endpoint TEXT NOT NULL,
    model TEXT NOT NULL,
    calls INTEGER DEFAULT '0' NOT NULL,
    repaired INTEGER DEFAULT '0' NOT NULL,
    texts INTEGER DEFAULT '0' NOT NULL,
    texts_missed INTEGER DEFAULT '0' NOT NULL,
    calls_tools BOOLEAN,
    tried_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (endpoint, model)
);
