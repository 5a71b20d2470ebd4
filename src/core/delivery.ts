/** A delivery: one event for one reactor in one run. Its states and the edges between them; `docs/guarantees.md` draws them. */

/**
 * `pending` waits (for its time, for a slot, for a retry), `running` is leased to an instance,
 * `succeeded`, `dead` and `cancelled` are final until an operator says otherwise.
 */
export type DeliveryState = 'pending' | 'running' | 'succeeded' | 'dead' | 'cancelled';

/** Every legal edge and what takes it. A delivery is born pending, running, dead (no order key) or cancelled (redacted). */
export const deliveryEdges = {
  pending: {
    running: 'claim',
    pending: 'retry by an operator',
    cancelled: 'cancel, remove, redact, cancel of its replay',
  },
  running: {
    succeeded: 'settle',
    pending: 'retry, postponement, release, recover',
    dead: 'attempts spent, not retryable, postponed too often, crashed',
    cancelled: 'maximum age, cancel, remove, redact, cancel of its replay',
  },
  succeeded: { pending: 'retry by an operator' },
  dead: { pending: 'redrive, retry by an operator', cancelled: 'discard, redact' },
  cancelled: { pending: 'retry by an operator' },
} as const satisfies Record<DeliveryState, Partial<Record<DeliveryState, string>>>;

/** True for a state that no engine leaves by itself. */
export function isFinal(state: DeliveryState): boolean {
  return state === 'succeeded' || state === 'dead' || state === 'cancelled';
}

/** Why a delivery is dead or cancelled. */
export type EndReason =
  | 'attempts_spent'
  | 'not_retryable'
  | 'crashed'
  | 'order_key'
  | 'postponed_too_often'
  | 'cancelled'
  | 'discarded'
  | 'too_old'
  | 'reactor_removed'
  | 'replay_cancelled'
  | 'redacted';

/** After so many crashes, each with its start marked, a delivery is dead with reason `crashed`. */
export const MAX_CRASHES = 3;

/** After so many postponements (`RetryAfterError`) a delivery is dead with reason `postponed_too_often`. */
export const MAX_POSTPONEMENTS = 100;
