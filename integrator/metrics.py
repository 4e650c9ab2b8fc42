"""What the service counts, for Prometheus."""

from prometheus_client import Counter, Gauge

DELIVERIES = Counter("integrator_deliveries_total", "Webhook requests by answer", ["tracker", "event", "answer"])
CHANGES = Counter("integrator_changes_total", "Changes made on trackers", ["tracker", "change"])
TRACKER_ERRORS = Counter("integrator_tracker_errors_total", "Times a whole tracker was held back", ["tracker", "kind"])
DUE = Gauge("integrator_agenda_due", "Issues waiting to be worked on", ["tracker"])
OLDEST_DUE = Gauge("integrator_agenda_oldest_due_seconds", "How long the first of them has been waiting", ["tracker"])
PARKED = Gauge("integrator_agenda_parked", "Issues given up on, waiting for a person", ["tracker"])
ROUNDS = Counter("integrator_rounds_total", "Rounds made to their end", ["tracker", "round"])
REDELIVERIES = Counter("integrator_redeliveries_total", "Lost deliveries asked for again", ["tracker", "answer"])
HELD = Gauge("integrator_tracker_held", "1 while a whole tracker is held back", ["tracker"])
BUDGET_LEFT = Gauge("integrator_budget_left", "What is left of a tracker's own limit", ["tracker", "limit"])
BUDGET_LIMIT = Gauge("integrator_budget_limit", "A tracker's own limit", ["tracker", "limit"])
