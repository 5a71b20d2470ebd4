/** One exchange with an endpoint, under one deadline: from the lookup of its name to the last byte of its answer. */
import type { Clock } from '../core/clock.js';
import { NexusError } from '../core/errors.js';
import { parseRetryAfter } from '../core/retry-after.js';
import type { HmacSha256 } from '../nodes/signatures.js';
import type { Dialer } from './dialer.js';
import { activeSecrets, headersOf, type Message } from './message.js';
import type { Target } from './target.js';

/** What came of it. */
export type Exchanged = {
  /** Undefined where it did not answer. */
  readonly status: number | undefined;
  /** How long it asks to be left alone, milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly ms: number;
  /** Why there is no status. */
  readonly error: NexusError | undefined;
};

export type Exchange = (request: {
  readonly target: Target;
  readonly message: Message;
  readonly delivery: string;
  /** Ends it early. */
  readonly abort: AbortController;
}) => Promise<Exchanged>;

export function createExchange(options: { dialer: Dialer; clock: Clock; hmac: HmacSha256 }): Exchange {
  const { dialer, clock, hmac } = options;
  return async ({ target, message, delivery, abort }) => {
    const { node, url, headers: custom, timeoutMs, destination } = target;
    const began = clock.now();
    const secrets = activeSecrets(target.secrets, began);
    if (secrets.length === 0)
      return failure(`the node ${node} has no secret that counts, so nothing can sign; rotate it`, 0);
    const cancel = clock.setTimer(() => {
      const limit = `within ${timeoutMs} ms; see webhook.timeoutMs`;
      abort.abort(endpointFailed(`the endpoint of ${node} did not finish its answer ${limit}`));
    }, timeoutMs);
    try {
      const headers = headersOf({ message, delivery, secrets, custom, now: began, hmac });
      const { body } = message;
      const answer = await unlessAborted(
        dialer.post({ url, headers, body, destination, timeoutMs, signal: abort.signal }),
        abort.signal,
      );
      const now = clock.now();
      return {
        status: answer.status,
        retryAfterMs: parseRetryAfter(answer.retryAfter, now),
        ms: now - began,
        error: undefined,
      };
    } catch (error) {
      const ms = clock.now() - began;
      if (NexusError.is(error)) return { status: undefined, retryAfterMs: undefined, ms, error };
      return failure(`the endpoint of ${node} did not answer: ${nameOf(error)}`, ms, error);
    } finally {
      cancel();
    }
  };
}

export function endpointFailed(
  message: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): NexusError {
  return new NexusError('NEXUS_ENDPOINT_FAILED', message, { details, cause });
}

function failure(message: string, ms: number, cause?: unknown): Exchanged {
  return { status: undefined, retryAfterMs: undefined, ms, error: endpointFailed(message, {}, cause) };
}

/** While it connects undici notes an abort, but goes on waiting. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const give = (): void => reject(signal.reason as Error);
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', give));
  });
}

/** A code where there is one: messages of the network may be empty, or name addresses. */
function nameOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return code;
  return typeof message === 'string' && message !== '' ? message : String(error);
}
