/** Every error Nexus raises on purpose: one class, one code each, always with what to do about it. */

/** What each code means. `docs/errors.md` prints this table; a test keeps the two equal. */
export const errorCodes = {
  NEXUS_UNKNOWN_EVENT: 'The event type is not in the catalogue, or is not a legal name.',
  NEXUS_INVALID_PAYLOAD: 'The payload is not JSON or does not match the schema of its type.',
  NEXUS_PAYLOAD_TOO_LARGE: 'The payload is larger than the limit.',
  NEXUS_PAYLOAD_TOO_DEEP: 'The payload is nested deeper than 64 levels.',
  NEXUS_PERMISSION_DENIED: 'The node may not do this.',
  NEXUS_UNAUTHENTICATED: 'The signature or the token does not prove who is speaking.',
  NEXUS_BAD_REQUEST: 'The request is not what is understood here.',
  NEXUS_METHOD_NOT_ALLOWED: 'The path does not take this method.',
  NEXUS_UNSUPPORTED_MEDIA_TYPE: 'The body is not sent as JSON, or is compressed.',
  NEXUS_BODY_TOO_LARGE: 'The body of the request is larger than the limit.',
  NEXUS_BODY_TIMEOUT: 'The body of the request did not arrive in time.',
  NEXUS_RATE_LIMITED: 'There were too many requests from this address or node.',
  NEXUS_INTERNAL: 'The host failed at something that it does not tell.',
  NEXUS_UNREACHABLE: 'No Nexus answered a client: the connection failed, or something else answered.',
  NEXUS_RAW_BODY_CONSUMED: 'Something read the request body before Nexus could verify its bytes.',
  NEXUS_REACTOR_NAME_TAKEN: 'A reactor with this name is already registered in this process.',
  NEXUS_REACTOR_FILE: 'A file of reactors cannot be loaded, or exports none.',
  NEXUS_SCHEDULE_NAME_TAKEN: 'A schedule with this name is already kept in this process.',
  NEXUS_CRON_MISSING: 'A cron expression needs the package croner, which cannot be loaded.',
  NEXUS_PEER_MISSING: 'A part of Nexus needs a package, which cannot be loaded.',
  NEXUS_EVENT_NEWER: 'The event was stored with a newer version of its schema than this process knows.',
  NEXUS_UPCAST_FAILED: 'An upcaster threw, or gave something that is not a JSON object.',
  NEXUS_ORDER_KEY: 'orderBy threw or did not return a string.',
  NEXUS_IDEMPOTENCY_CONFLICT: 'The same key or id was used before for other content.',
  NEXUS_POSITION_AHEAD: 'The position is above the head of the log.',
  NEXUS_POSITION_PRUNED:
    'What was above the position is gone: deliveries by retention, or events by pruning.',
  NEXUS_EVENT_REDACTED: 'The payload of the event was erased, so it cannot be handled any more.',
  NEXUS_CHECKPOINT_MISSING: 'No checkpoint stands for what would be removed from the log.',
  NEXUS_LEASE_LOST: 'Another claim owns this delivery now; what this attempt says is not recorded.',
  NEXUS_OVERLOADED: 'The storage cannot keep up or cannot be written; try again later.',
  NEXUS_CLOSED: 'The Nexus is closing or closed.',
  NEXUS_STORAGE: 'The storage failed.',
  NEXUS_STORAGE_FULL: 'The disk, or the limit set for the database, is full or nearly so.',
  NEXUS_STORAGE_FOREIGN: 'The file is not a Nexus database.',
  NEXUS_STORAGE_NEWER: 'The database was written by a newer Nexus.',
  NEXUS_STORAGE_OLDER: 'The database has an older schema, and is only read here.',
  NEXUS_READ_ONLY: 'The storage is open for reading only.',
  NEXUS_STORAGE_CORRUPT: 'The database is damaged.',
  NEXUS_SQLITE_BINDING: 'The SQLite driver cannot be loaded here.',
  NEXUS_OUTBOX: 'The database has no outbox, or one that cannot be used.',
  NEXUS_NOT_SUPPORTED: 'The storage adapter cannot do this.',
  NEXUS_NOT_FOUND: 'There is nothing with this id or name.',
  NEXUS_TIMEOUT: 'It did not happen in time.',
  NEXUS_INVALID_OPTION: 'An option or argument is not what it must be.',
  NEXUS_ADDRESS_BLOCKED: 'A webhook leads to an address that it may not be sent to.',
  NEXUS_ENDPOINT_FAILED: 'A webhook endpoint did not take a delivery.',
  NEXUS_HANDLER_FAILED: 'A handler threw something that carries no code of its own.',
} as const;

/** One of the codes in {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/** Everything beside the message that a {@link NexusError} carries. */
export interface NexusErrorOptions {
  /** What was expected, what came: plain data, safe to log. Never payloads, never secrets. @default {} */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The error that led to it. @default none */
  readonly cause?: unknown;
}

const brand = Symbol.for('@neo-protocol/nexus/error');

/** The error of this library. Tell it by `code`, or with {@link NexusError.is} across module copies. */
export class NexusError extends Error {
  override readonly name: string = 'NexusError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: NexusErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  /** True for a NexusError of any copy of this module (ESM and CJS may both be loaded), optionally of one code. */
  static is(error: unknown, code?: ErrorCode): error is NexusError {
    return hasBrand(error, brand) && (code === undefined || (error as NexusError).code === code);
  }
}

const nonRetryable = Symbol.for('@neo-protocol/nexus/non-retryable');
const retryAfter = Symbol.for('@neo-protocol/nexus/retry-after');

/** Thrown by a handler to say that no further attempt can help: the delivery is dead at once. */
export class NonRetryableError extends Error {
  override readonly name: string = 'NonRetryableError';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    Object.defineProperty(this, nonRetryable, { value: true });
  }
  static is(error: unknown): error is NonRetryableError {
    return hasBrand(error, nonRetryable);
  }
}

/**
 * Thrown by a handler to be called again at a chosen time, without spending an attempt (at most 100 times per delivery).
 * A number is a delay in milliseconds, a `Date` an instant.
 */
export class RetryAfterError extends Error {
  override readonly name: string = 'RetryAfterError';
  readonly when: number | Date;
  constructor(when: number | Date, message = 'asked to be called again later', options?: ErrorOptions) {
    super(message, options);
    this.when = when;
    Object.defineProperty(this, retryAfter, { value: true });
  }
  static is(error: unknown): error is RetryAfterError {
    return hasBrand(error, retryAfter);
  }
}

/** What the storage keeps of an error: never a stack, never more than 2,000 characters. */
export type Failure = { readonly code: string; readonly message: string };

/** Any thrown value, `null` and objects with hostile getters included, as a {@link Failure}. */
export function describeFailure(thrown: unknown): Failure {
  try {
    if (thrown instanceof Error) {
      const code = (thrown as { code?: unknown }).code;
      return {
        code: typeof code === 'string' ? clip(code, 100) : thrown.name,
        message: clip(thrown.message),
      };
    }
    return {
      code: 'NEXUS_HANDLER_FAILED',
      message: clip(`a handler threw ${typeof thrown}: ${String(thrown)}`),
    };
  } catch {
    return { code: 'NEXUS_HANDLER_FAILED', message: 'a handler threw a value that cannot be described' };
  }
}

function clip(text: string, limit = 2_000): string {
  const whole = text.toWellFormed();
  return whole.length > limit ? `${whole.slice(0, limit - 1).toWellFormed()}…` : whole;
}

function hasBrand(value: unknown, symbol: symbol): boolean {
  return typeof value === 'object' && value !== null && symbol in value;
}
