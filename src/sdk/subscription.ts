/** Handling events one after the other: each is acknowledged by its handler's end, and only then is the cursor moved. */
import { NexusError } from '../core/errors.js';
import type { OnState } from './connection-state.js';
import { followLog, type Tell } from './follow-log.js';
import type { Settings } from './options.js';
import { backoffMs, pause } from './pause.js';
import type { RemoteEvent } from './remote-event.js';

/** What a handler gets beside the payload. */
export interface RemoteContext<Event = RemoteEvent> {
  readonly event: Event;
  /** 1 for the first call with this event since the subscription began. */
  readonly attempt: number;
  /** Aborted when the subscription is closed. */
  readonly signal: AbortSignal;
}

/** Where a subscription stands, kept by the caller: in a file, a table, `localStorage`. */
export interface Cursor {
  /** Where to go on; nothing at the very first start. `logId` tells a log that was replaced from the one that was read. */
  load(): CursorPosition | Promise<CursorPosition>;
  /** Everything up to `seq` is handled. Called in order, each call awaited before the next event. */
  save(seq: number, logId: string | undefined): unknown;
}

/** What a cursor gives: a `seq`, alone or with its log, or nothing. */
export type CursorPosition =
  number | { readonly seq: number; readonly logId?: string | undefined } | null | undefined;

/** What follows when a handler throws: it is called again after a pause, the event is passed over, or the subscription ends. */
export type Verdict = 'retry' | 'skip' | 'stop';

/** For `onEvent` of a client. */
export interface SubscribeOptions<Event = RemoteEvent> {
  /** Begin behind this `seq`, unless the cursor says another. @default from now on */
  after?: number;
  /** @default none: kept in memory only */
  cursor?: Cursor;
  /** Asked each time a handler throws. Nothing behind the event is handled meanwhile. @default writes to console.error and says 'retry' */
  onFailure?: (error: unknown, context: RemoteContext<Event>) => Verdict | Promise<Verdict>;
  /** Told of every change of this connection's state. @default the client's */
  onState?: OnState;
}

/** A handler at work. */
export interface Subscription {
  /** Ends it once the handler that is running has ended, and its event is saved. */
  close(): Promise<void>;
  /** Resolves when it is over: with the error that ended it, or with nothing after `close`. Never rejects. */
  readonly closed: Promise<NexusError | undefined>;
  /** Everything up to this `seq` is handled; undefined before it is known. */
  readonly position: number | undefined;
}

/** What a subscription has to do. */
export type Work = {
  readonly settings: Settings;
  readonly types: readonly string[];
  readonly handler: (payload: RemoteEvent['payload'], context: RemoteContext) => unknown;
  readonly options: SubscribeOptions;
  readonly abort: AbortController;
};

export function subscribe({ settings, types, handler, options, abort }: Work): Subscription {
  const { signal } = abort;
  const { cursor, onFailure = complain } = options;
  const tell = teller(options.onState ?? settings.onState, types);
  let position: number | undefined;
  let logId: string | undefined;

  /** Tries until it succeeds; false when the subscription was closed first. */
  const insist = async (
    act: () => unknown,
    onError: (error: unknown, attempt: number) => unknown,
  ): Promise<boolean> => {
    for (let attempt = 1; !signal.aborted || attempt === 1; attempt++) {
      try {
        await act();
        return true;
      } catch (error) {
        if ((await onError(error, attempt)) === true) return true;
        await pause(backoffMs(attempt, settings.reconnect), signal);
      }
    }
    return false;
  };
  const cursorFailed = (what: string) => (cause: unknown) => {
    const error = failed(`the cursor's ${what}`, cause);
    tell({ state: 'waiting', delayMs: settings.reconnect.initialMs, error });
  };

  const load = async (): Promise<void> => {
    await insist(async () => {
      const stored = await cursor?.load();
      const at = typeof stored === 'object' ? stored?.seq : stored;
      position = at ?? options.after;
      if (typeof stored === 'object') logId = stored?.logId;
    }, cursorFailed('load'));
  };
  const moveTo = async (seq: number): Promise<void> => {
    const saved = await insist(() => cursor?.save(seq, logId), cursorFailed('save'));
    if (saved) position = seq;
  };
  const handle = async (event: RemoteEvent): Promise<boolean> => {
    let attempt = 0;
    const context = (): RemoteContext => ({ event, attempt, signal });
    return await insist(
      () => {
        attempt += 1;
        return handler(event.payload, context());
      },
      async (error) => {
        const verdict = await onFailure(error, context());
        if (verdict !== 'stop') return verdict === 'skip';
        throw failed(`the handler at seq ${event.seq}`, error);
      },
    );
  };
  const run = async (): Promise<void> => {
    await load();
    for await (const frame of followLog({ settings, types, signal, after: position, logId, tell })) {
      if (frame.kind === 'event') {
        if (!(await handle(frame.event))) return;
        await moveTo(frame.event.seq);
      } else {
        if (frame.kind === 'live') logId ??= frame.logId;
        if (frame.position !== undefined && frame.position > (position ?? -1)) await moveTo(frame.position);
      }
    }
  };

  const closed = run().then(
    () => undefined,
    (error: unknown) => (NexusError.is(error) ? error : failed('the subscription', error)),
  );
  void closed.then((error) => {
    abort.abort();
    if (error && !options.onState && !settings.onState) console.error(error);
    tell({ state: 'closed', error });
  });
  return {
    closed,
    close: async () => {
      abort.abort();
      await closed;
    },
    get position() {
      return position;
    },
  };
}

/** Tells a listener; what it throws hurts nobody. */
export function teller(onState: OnState | undefined, types: readonly string[]): Tell {
  return (state) => {
    try {
      onState?.({ ...state, types });
    } catch {
      // Whoever listens is not part of the work.
    }
  };
}

function complain(error: unknown, { event, attempt }: RemoteContext): Verdict {
  console.error(
    `handler of ${event.type} failed at seq ${event.seq}, attempt ${attempt}; trying again`,
    error,
  );
  return 'retry';
}

/** What the caller's own code threw. */
function failed(what: string, cause: unknown): NexusError {
  const why = cause instanceof Error ? cause.message : typeof cause;
  return new NexusError('NEXUS_HANDLER_FAILED', `${what} failed: ${why}`, { cause });
}
