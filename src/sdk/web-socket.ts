/** Events over a WebSocket. It cannot be told to wait, so what it brings is kept up to a limit; then it is closed. */
import { NexusError, type ErrorCode } from '../core/errors.js';
import type { Ask, Ending, Frame } from './connection.js';
import { objectIn, unreachable } from './failure.js';
import { remoteEvent } from './remote-event.js';

const WHAT = 'the WebSocket';

/** What the events of a WebSocket have, each its own. */
type Said = Readonly<Partial<Record<'data' | 'code' | 'reason' | 'message', unknown>>>;

export async function* overWebSocket(ask: Ask): AsyncGenerator<Frame | Ending, void, undefined> {
  const { settings, types, after, signal } = ask;
  const { WebSocket, webSocketUrl, heartbeatMs, bufferLimit } = settings;
  if (!WebSocket) return;
  const waiting: { readonly frame: Frame; readonly size: number }[] = [];
  let size = 0;
  let isOpen = false;
  let isHeard = true;
  let ending: Ending | undefined;
  let wake: (() => void) | undefined;

  const end = (kind: Ending['kind'], error: NexusError): void => {
    ending ??= { kind, error };
    wake?.();
  };
  const lost = (why: string): void => end(isOpen ? 'cut' : 'refused', unreachable(WHAT, new Error(why)));
  const onAbort = (): void => lost('it was closed here');
  const socket = new WebSocket(webSocketUrl, ['nexus', `nexus.token.${ask.token}`]);
  const say = (message: object): void => socket.send(JSON.stringify(message));

  socket.addEventListener('open', () => {
    isOpen = true;
    if (ending) return;
    say({
      action: 'subscribe',
      events: types.length > 0 ? types : ['*'],
      ...(after !== undefined && { after }),
    });
  });
  socket.addEventListener('message', (event) => {
    const { data } = event as Said;
    isHeard = true;
    // What comes after the end will come again on the next connection.
    if (ending || typeof data !== 'string') return;
    const frame = frameOf(objectIn(data));
    if (frame instanceof NexusError) return end('cut', frame);
    if (!frame) return;
    if (frame.kind === 'live') clearTimeout(opening);
    waiting.push({ frame, size: data.length });
    size += data.length;
    if (size > bufferLimit) end('full', unreachable(WHAT, new Error('its reader is slow')));
    wake?.();
  });
  socket.addEventListener('close', (event) => {
    const { code, reason } = event as Said;
    const why = `closed with ${String(code)} ${String(reason)}`;
    // Where the server says why, that decides whether it is tried again.
    if (String(reason).startsWith('NEXUS_'))
      end('cut', new NexusError(reason as ErrorCode, `${WHAT}: ${why}`));
    else lost(why);
  });
  socket.addEventListener('error', (event) => {
    const { message } = event as Said;
    // A `close` follows, but not when the handshake was cut short.
    if (!isOpen) lost(typeof message === 'string' && message !== '' ? message : 'the handshake failed');
  });
  signal.addEventListener('abort', onAbort);
  const opening = setTimeout(() => lost('no answer in time'), settings.timeoutMs);
  const heartbeat = setInterval(() => {
    if (!isHeard) return lost(`nothing came for ${heartbeatMs * 2} ms`);
    isHeard = false;
    if (isOpen) say({ action: 'ping' });
  }, heartbeatMs);

  try {
    if (signal.aborted) onAbort();
    for (;;) {
      const next = waiting.shift();
      if (next) {
        size -= next.size;
        yield next.frame;
      } else if (ending) {
        break;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    ending ??= { kind: 'cut', error: unreachable(WHAT) };
    clearTimeout(opening);
    clearInterval(heartbeat);
    signal.removeEventListener('abort', onAbort);
    socket.close();
  }
  yield ending;
}

/** What a message says; undefined where it is nothing to us. */
function frameOf(message: Record<string, unknown>): Frame | NexusError | undefined {
  const { event, error, status, position, logId } = message;
  if (typeof error === 'string')
    return new NexusError(error as ErrorCode, `${WHAT}: ${String(message.message)}`);
  if (typeof event === 'string') {
    try {
      return { kind: 'event', event: remoteEvent(message) };
    } catch (cause) {
      return cause as NexusError;
    }
  }
  if (typeof position !== 'number') return undefined;
  if (status !== 'subscribed') return { kind: 'position', position };
  return { kind: 'live', position, logId: typeof logId === 'string' ? logId : undefined };
}
