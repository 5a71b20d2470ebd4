/** Events by `GET /events/stream`: server-sent events read through fetch, which can carry the token in a header. */
import { NexusError } from '../core/errors.js';
import type { Ask, Ending, Frame } from './connection.js';
import { failureOf, objectIn, unreachable } from './failure.js';
import { follow } from './pause.js';
import { remoteEvent } from './remote-event.js';
import { createStreamParser, type StreamMessage } from './stream-parser.js';

const WHAT = 'the event stream';

/** Read as fast as it is handled: a stream that is not read holds the server back. */
export async function* overEventStream(ask: Ask): AsyncGenerator<Frame | Ending, void, undefined> {
  const { settings, after, token } = ask;
  const request = follow(ask.signal);
  // Only while something is awaited: a slow reader is no dead server.
  const within = async <T>(ms: number, promise: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => request.abort(new Error(`nothing came for ${ms} ms`)), ms);
    return await promise.finally(() => clearTimeout(timer));
  };
  try {
    const query = new URLSearchParams(ask.types.map((type) => ['type', type]));
    if (after !== undefined) query.set('after', String(after));
    const response = await within(
      settings.timeoutMs,
      settings.fetch(`${settings.url}/events/stream?${query.toString()}`, {
        headers: { Authorization: `Bearer ${token}`, Accept: 'text/event-stream' },
        cache: 'no-store',
        redirect: 'manual',
        signal: request.signal,
      }),
    );
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    if (!response.ok || !isStream || !response.body) {
      yield { kind: 'cut', error: await failureOf(response, WHAT) };
      return;
    }
    const reader = response.body.getReader();
    const parse = createStreamParser();
    const decoder = new TextDecoder();
    yield { kind: 'live', position: after, logId: response.headers.get('nexus-log-id') ?? undefined };
    for (;;) {
      const { done, value } = await within(settings.heartbeatMs * 2, reader.read());
      if (done) break;
      for (const message of parse(decoder.decode(value, { stream: true }))) yield frameOf(message);
    }
    yield { kind: 'cut', error: unreachable(WHAT, new Error('it ended')) };
  } catch (cause) {
    yield { kind: 'cut', error: NexusError.is(cause) ? cause : unreachable(WHAT, cause) };
  } finally {
    request.abort();
    request.release();
  }
}

function frameOf({ data, id }: StreamMessage): Frame {
  if (data === '') return { kind: 'position', position: Number(id) };
  return { kind: 'event', event: remoteEvent(objectIn(data)) };
}
