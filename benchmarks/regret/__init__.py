"""How far the crew is from one that knows every model's skill: through the whole pipeline, with the twin."""
