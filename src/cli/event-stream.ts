/** Server-sent events, read line by line: `GET /events/stream`, from a position on and again after a cut. */
import { CliError } from './exit-codes.js';
import { problemOf, type Remote } from './remote.js';
import { rest } from './rest.js';

/** One message of a stream. */
export type Message = { readonly id: string; readonly event: string; readonly data: string };

/** The messages of a stream, until it ends. */
export async function* messagesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let left = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  for await (const chunk of chunks) {
    left += decoder.decode(chunk, { stream: true });
    const lines = left.split(/\r\n|\n|\r(?!$)/);
    left = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        // One without data says how far the reader is.
        if (data.length > 0 || id !== '') yield { id, event: event || 'message', data: data.join('\n') };
        event = '';
        data = [];
        continue;
      }
      const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (field === 'data') data.push(value);
      else if (field === 'event') event = value;
      else if (field === 'id') id = value;
    }
  }
}

/** How long it waits before it connects again, at first and at most. */
const AGAIN_MS = 500;
const LONGEST_MS = 15_000;

/**
 * Follows a host's log for as long as the signal lets it. A cut is bridged from the last event that came; an answer that
 * says no ends it.
 *
 * @throws CliError
 */
export async function* followRemote(
  remote: Remote,
  from: {
    readonly after: number | undefined;
    readonly types: readonly string[];
    readonly token: string | undefined;
  },
  how: { readonly signal: AbortSignal; readonly say: (line: string) => void },
): AsyncGenerator<Message> {
  const { signal, say } = how;
  let last = from.after;
  let waitMs = AGAIN_MS;
  const over = (): boolean => signal.aborted;
  while (!over()) {
    try {
      const query = new URLSearchParams(from.types.map((type) => ['type', type]));
      if (last !== undefined) query.set('after', String(last));
      const response = await remote.ask(`/events/stream?${query.toString()}`, {
        headers: { accept: 'text/event-stream' },
      });
      if (!response.ok) throw await problemOf(response, from.token);
      if (response.body === null) return;
      for await (const message of messagesOf(response.body)) {
        waitMs = AGAIN_MS;
        if (/^\d+$/.test(message.id)) last = Number(message.id);
        yield message;
      }
    } catch (error) {
      if (over()) return;
      if (error instanceof CliError && error.code !== 'CLI_UNREACHABLE' && error.exit !== 5) throw error;
    }
    if (over()) return;
    say(`the stream was cut; connecting again in ${waitMs / 1_000} s`);
    await rest(waitMs, signal);
    waitMs = Math.min(waitMs * 2, LONGEST_MS);
  }
}
