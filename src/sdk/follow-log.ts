/** The log from afar: connection after connection, each beginning where the one before it ended. */
import { NexusError } from '../core/errors.js';
import type { Ask, Ending, Frame } from './connection.js';
import type { ConnectionState } from './connection-state.js';
import { overEventStream } from './event-stream.js';
import { failureOf, invalidOption, isTransient, unreachable } from './failure.js';
import { credentialOf, type Settings } from './options.js';
import { backoffMs, pause, within } from './pause.js';
import { overWebSocket } from './web-socket.js';

/** What a state is, without its types. */
export type Tell = (state: DistributiveOmit<ConnectionState, 'types'>) => void;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** From where and what is read. */
export type Following = Pick<Ask, 'types' | 'after' | 'signal'> & {
  readonly settings: Settings;
  /** The log that `after` is of, where it is known. */
  readonly logId: string | undefined;
  readonly tell: Tell;
};

/** Handshakes that fail while the rest of the Nexus answers, before the WebSocket is given up for server-sent events. */
const MOST_REFUSALS = 2;

/**
 * Every event behind a position, once and in order, until the signal is aborted.
 *
 * @throws NexusError what trying again does not mend
 */
export async function* followLog(following: Following): AsyncGenerator<Frame, void, undefined> {
  const { settings, types, signal, tell } = following;
  let { after, logId } = following;
  let failures = 0;
  let refusals = 0;
  let wasLive = false;
  let liveSince = Infinity;
  let wrongToken: { readonly token: string; readonly error: NexusError } | undefined;

  const isOver = (): boolean => signal.aborted;

  while (!isOver()) {
    let ending: Ending = { kind: 'cut', error: unreachable('the connection') };
    const token = await tokenOf(settings);
    if (token instanceof NexusError) ending = { kind: 'cut', error: token };
    else {
      if (token === wrongToken?.token) throw wrongToken.error;
      const transport = transportFor(settings, token, refusals);
      tell({ state: 'connecting', transport });
      const carrier = transport === 'sse' ? overEventStream : overWebSocket;
      for await (const frame of carrier({ settings, token, types, after, signal })) {
        if (isOver()) return;
        if ('error' in frame) {
          ending = frame;
          break;
        }
        if (frame.kind === 'live') {
          if (logId !== undefined && frame.logId !== undefined && frame.logId !== logId) throw otherLog();
          logId ??= frame.logId;
          after ??= frame.position;
          wasLive = true;
          liveSince = Date.now();
          refusals = 0;
          tell({ state: 'live', transport });
        } else {
          const seq = frame.kind === 'event' ? frame.event.seq : frame.position;
          if (seq <= (after ?? -1)) continue;
          after = seq;
          failures = 0;
        }
        yield frame;
      }
      if (isOver()) return;
      if (ending.kind === 'refused') {
        const reason = await ask(settings, token, signal);
        if (reason) ending = { kind: 'cut', error: reason };
        else refusals += 1;
      }
      if (ending.error.details.status === 401 || ending.error.code === 'NEXUS_UNAUTHENTICATED')
        wrongToken = { token, error: ending.error };
    }
    if (ending.kind === 'full') continue;
    const { error } = ending;
    const mayBeReplaced = wrongToken?.error === error && typeof settings.token === 'function';
    const mayComeBack = wasLive && error.details.status === 404;
    if (!isTransient(error) && !mayBeReplaced && !mayComeBack) throw error;
    // Who was live for long has not failed in a row.
    failures = Date.now() - liveSince > settings.reconnect.maxMs ? 1 : failures + 1;
    liveSince = Infinity;
    const delayMs = backoffMs(failures, settings.reconnect, error.details.retryAfterMs as number | undefined);
    tell({ state: 'waiting', delayMs, error });
    await pause(delayMs, signal);
  }
}

function transportFor(settings: Settings, token: string, refusals: number): 'websocket' | 'sse' {
  const { transport, WebSocket } = settings;
  // The subprotocol that carries the token takes fewer characters than the header.
  const canCarry = /^[\w.~+-]+$/.test(token);
  if (transport === 'websocket' && !canCarry)
    throw invalidOption('token', 'without / and = to be sent over a WebSocket; or use the transport sse');
  if (transport !== 'auto') return transport;
  return WebSocket && canCarry && refusals < MOST_REFUSALS ? 'websocket' : 'sse';
}

/** A function that gets a token from somewhere may fail; the next attempt may succeed. */
async function tokenOf(settings: Settings): Promise<string | NexusError> {
  try {
    return await credentialOf('token', settings.token, 'onEvent or feed');
  } catch (error) {
    if (NexusError.is(error)) throw error;
    return unreachable('the token', error);
  }
}

/** Why a WebSocket was refused, which it does not tell itself; undefined where everything else is in order. */
async function ask(settings: Settings, token: string, signal: AbortSignal): Promise<NexusError | undefined> {
  const what = 'GET /events';
  const request = {
    headers: { Authorization: `Bearer ${token}` },
    cache: 'no-store',
    redirect: 'manual',
  } as const;
  try {
    return await within(settings.timeoutMs, signal, async (inTime) => {
      const response = await settings.fetch(`${settings.url}/events?limit=1`, { ...request, signal: inTime });
      if (!response.ok) return await failureOf(response, what);
      await response.body?.cancel();
      return undefined;
    });
  } catch (cause) {
    return unreachable(what, cause);
  }
}

function otherLog(): NexusError {
  return new NexusError(
    'NEXUS_POSITION_AHEAD',
    'the cursor is of another log than the one that is here now; begin anew, without a cursor or with after: 0',
  );
}
