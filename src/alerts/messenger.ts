/** Brings what there is to tell to the sink: one message at a time, never two at once, again when it failed. */
import type { Clock } from '../core/clock.js';
import { RetryAfterError } from '../core/errors.js';
import type { AlertSink } from './alert.js';
import type { Incidents } from './incidents.js';

export interface Messenger {
  /** There may be something to tell. */
  look(): void;
  /** Tells everything there is, windows or not, within this time. Then nothing more. */
  flush(timeoutMs: number): Promise<void>;
}

const FIRST_PAUSE_MS = 1_000;
/** Also of a sink that asks for less: something else must have its turn. */
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 300_000;
/** How long a sink may take. */
const SINK_TIMEOUT_MS = 30_000;

export function createMessenger(options: {
  readonly incidents: Incidents;
  readonly sink: AlertSink;
  readonly clock: Clock;
  /** Between two messages. */
  readonly gapMs: number;
  readonly failed: (error: unknown) => void;
}): Messenger {
  const { incidents, sink, clock } = options;
  let cancel: (() => void) | undefined;
  let wakesAt = Infinity;
  let restUntil = 0;
  let failures = 0;
  let sending: Promise<void> | undefined;
  let abort = new AbortController();
  let flushing = false;

  const wakeAt = (at: number): void => {
    if (at >= wakesAt) return;
    cancel?.();
    wakesAt = at;
    cancel = clock.setTimer(
      () => {
        wakesAt = Infinity;
        cancel = undefined;
        look();
      },
      Math.max(0, at - clock.now()),
    );
  };

  const look = (): void => {
    if (sending || flushing) return;
    const next = incidents.nextAt();
    if (next === undefined) return;
    const at = Math.max(next, restUntil);
    if (at > clock.now()) wakeAt(at);
    else {
      sending = send(false).finally(() => {
        sending = undefined;
        look();
      });
    }
  };

  const send = async (all: boolean): Promise<void> => {
    const now = clock.now();
    const taken = incidents.take(now, all);
    if (taken.notices.length === 0) return;
    abort = new AbortController();
    const late = clock.setTimer(() => abort.abort(), SINK_TIMEOUT_MS);
    try {
      await untilAborted(sink({ at: now, notices: taken.notices }, { signal: abort.signal }), abort.signal);
      taken.told();
      failures = 0;
      restUntil = clock.now() + options.gapMs;
    } catch (error) {
      taken.putBack();
      failures += 1;
      restUntil = clock.now() + pauseAfter(error, failures, clock.now());
      options.failed(error);
    } finally {
      late();
    }
  };

  return {
    look,
    flush: async (timeoutMs) => {
      flushing = true;
      cancel?.();
      const end = new AbortController();
      const stop = clock.setTimer(() => {
        abort.abort();
        end.abort();
      }, timeoutMs);
      await sending;
      // A sink that asks for patience gets it, as far as there is time.
      while (!isAborted(end.signal) && incidents.nextAt() !== undefined) {
        const rest = restUntil - clock.now();
        if (failures > 0 && rest > 0) await pause(clock, rest, end.signal);
        if (!isAborted(end.signal)) await send(true);
      }
      stop();
    },
  };
}

function pauseAfter(error: unknown, failures: number, now: number): number {
  const backoff = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
  if (!RetryAfterError.is(error)) return backoff;
  const asked = error.when instanceof Date ? error.when.getTime() - now : error.when;
  return Number.isFinite(asked) ? Math.max(SHORTEST_PAUSE_MS, asked) : backoff;
}

/** A sink that does not listen to its signal is waited for no longer. */
async function untilAborted(work: unknown, signal: AbortSignal): Promise<void> {
  await new Promise<unknown>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the sink of alerts took too long')), {
      once: true,
    });
    Promise.resolve(work).then(resolve, reject);
  });
}

/** Asked anew: it changes while others run. */
function isAborted({ aborted }: AbortSignal): boolean {
  return aborted;
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.setTimer(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        cancel();
        resolve();
      },
      { once: true },
    );
  });
}
