/** Every metric there is; `docs/metrics.md` has them all, and a test keeps the two equal. */

type Kind = 'counter' | 'gauge' | 'histogram';
type Entry = { readonly kind: Kind; readonly help: string; readonly labels: readonly string[] };

const none: readonly string[] = [];

/** Without the prefix. */
export const definitions = {
  up: { kind: 'gauge', help: '1 while events are taken, 0 while not.', labels: none },
  degraded: { kind: 'gauge', help: '1 while something needs attention, see health().', labels: none },
  events_total: {
    kind: 'counter',
    help: 'Events stored by this process.',
    labels: ['type', 'source'],
  },
  events_per_minute: {
    kind: 'gauge',
    help: 'Events stored by this process in the last minute.',
    labels: none,
  },
  duplicates_total: { kind: 'counter', help: 'Dispatches of events that were said before.', labels: none },
  log_head: { kind: 'gauge', help: 'The seq of the newest event.', labels: none },
  dispatch_duration_seconds: {
    kind: 'histogram',
    help: 'From a dispatch to when its event was durable.',
    labels: none,
  },
  commit_duration_seconds: { kind: 'histogram', help: 'How long a commit took the storage.', labels: none },
  reactor_duration_seconds: {
    kind: 'histogram',
    help: 'From the call of a handler to its outcome.',
    labels: ['reactor'],
  },
  reactor_queue_seconds: {
    kind: 'histogram',
    help: 'From when a delivery was due to the call of its handler.',
    labels: ['reactor'],
  },
  deliveries_total: {
    kind: 'counter',
    help: 'Outcomes of attempts: succeeded, failed (will be retried), postponed, dead, cancelled (by age).',
    labels: ['reactor', 'outcome'],
  },
  recovered_total: {
    kind: 'counter',
    help: 'Deliveries taken back from processes that died.',
    labels: none,
  },
  reactor_stuck_total: {
    kind: 'counter',
    help: 'Handlers that did not return after their timeout.',
    labels: ['reactor'],
  },
  deliveries: {
    kind: 'gauge',
    help: 'Deliveries that are not final: pending (the retrying ones too), running.',
    labels: ['state'],
  },
  retry_queue_size: { kind: 'gauge', help: 'Deliveries that failed and wait for their retry.', labels: none },
  dead_letters: { kind: 'gauge', help: 'Dead deliveries that nobody has decided about.', labels: none },
  oldest_due_age_seconds: {
    kind: 'gauge',
    help: 'How long the oldest due delivery has waited.',
    labels: none,
  },
  reactor_lag: { kind: 'gauge', help: 'How many seq a reactor is behind the head.', labels: ['reactor'] },
  reactor_paused: { kind: 'gauge', help: '1 while a reactor is paused.', labels: ['reactor'] },
  in_flight: { kind: 'gauge', help: 'Deliveries in the memory of this process.', labels: none },
  handling: { kind: 'gauge', help: 'Handlers that are running in this process.', labels: none },
  queued: { kind: 'gauge', help: 'Dispatches and outcomes that wait for their commit.', labels: none },
  connections: { kind: 'gauge', help: 'Live readers that are connected.', labels: ['kind'] },
  webhook_attempts_total: {
    kind: 'counter',
    help: 'Webhooks sent, by what the node answered (status, or error).',
    labels: ['node', 'status'],
  },
  http_answers_total: {
    kind: 'counter',
    help: 'Requests over HTTP that were answered.',
    labels: ['route', 'method', 'status'],
  },
  http_duration_seconds: {
    kind: 'histogram',
    help: 'From a request over HTTP to its answer.',
    labels: ['route'],
  },
  limiter_refusals_total: {
    kind: 'counter',
    help: 'Requests refused because there were too many before them.',
    labels: ['by'],
  },
  auth_denied_total: { kind: 'counter', help: 'Requests that were turned away.', labels: ['reason'] },
  storage_errors_total: { kind: 'counter', help: 'Failures of the storage.', labels: none },
  database_bytes: { kind: 'gauge', help: 'Size of the database.', labels: none },
  wal_bytes: { kind: 'gauge', help: 'Size of the write-ahead log.', labels: none },
  event_loop_delay_seconds: {
    kind: 'gauge',
    help: 'How late the event loop was since the last scrape, by percentile; 100 is the worst.',
    labels: ['percentile'],
  },
} as const satisfies Record<string, Entry>;

export type MetricName = keyof typeof definitions;
