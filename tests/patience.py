"""How long tests wait for what is to come: what never comes fails, a busy machine does not."""

PATIENCE_S = 300
PATIENCE_MS = 1000 * PATIENCE_S
