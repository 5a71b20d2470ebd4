/** What an alert is, and who is told. */

/** What it is about. */
export type AlertRule =
  | 'dead_letters'
  | 'stuck_reactor'
  | 'storage_errors'
  | 'endpoint_disabled'
  | 'queue_age'
  | 'auth_failures'
  | 'audit_broken'
  | 'events_lost';

/** What a sink is told of one kind of trouble. */
export interface AlertNotice {
  /** `raised`: for the first time, or again after it was over; `ongoing`: more of the same; `recovered`: it is over. */
  readonly state: 'raised' | 'ongoing' | 'recovered';
  readonly rule: AlertRule;
  readonly severity: 'critical' | 'warning';
  /** The same for what is the same trouble. */
  readonly fingerprint: string;
  readonly title: string;
  /** How often it happened since the last notice of this fingerprint: none is told twice, none is left out. */
  readonly count: number;
  /** How often it happened since it was raised. */
  readonly total: number;
  /** Epoch ms. */
  readonly firstAt: number;
  /** Epoch ms. */
  readonly lastAt: number;
  /** Of the last time: names, ids, codes. Never payloads. */
  readonly details: Readonly<Record<string, string>>;
}

/** Everything there is to say at one time. */
export interface AlertDigest {
  /** Epoch ms. */
  readonly at: number;
  /** The new first, what is over last; at most about 200. */
  readonly notices: readonly AlertNotice[];
}

/**
 * Tells somebody. When it throws or rejects, the same and what has been added is given to it again later: after 1 s, 2 s and
 * so on up to 5 minutes, or as a `RetryAfterError` says.
 */
export type AlertSink = (digest: AlertDigest, how: { readonly signal: AbortSignal }) => unknown;

/** Something that happened and that somebody should know. */
export type Occurrence = Pick<AlertNotice, 'rule' | 'severity' | 'fingerprint' | 'title' | 'details'> & {
  /** How often. @default 1 */
  readonly count?: number;
  /** Asked now and then whether it is over. Without it, it never is. */
  readonly isOver?: (since: Quiet) => boolean | Promise<boolean>;
};

/** How long it has not happened, milliseconds. */
export type Quiet = { readonly quietMs: number };
