/** Server-sent events, as they may come over a network. */
import { describe, expect, it } from 'vitest';
import { messagesOf, type Message } from '../../src/cli/event-stream.js';

async function read(text: string, size: number): Promise<Message[]> {
  const bytes = Buffer.from(text);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
  }
  const found: Message[] = [];
  for await (const message of messagesOf(chunks())) found.push(message);
  return found;
}

const stream =
  ': hello\nretry: 100\nid: 4\n\nid: 5\nevent: PAID\ndata: {"a":\ndata: "ção"}\n\nid: 6\ndata:x\n\ndata: cut off';

describe('messagesOf', () => {
  it.each([1, 2, 3, 7, 1_000])('reads messages out of pieces of %i bytes', async (size) => {
    for (const text of [stream, stream.replaceAll('\n', '\r\n')])
      expect(await read(text, size)).toEqual([
        { id: '4', event: 'message', data: '' },
        { id: '5', event: 'PAID', data: '{"a":\n"ção"}' },
        { id: '6', event: 'message', data: 'x' },
      ]);
  });
});
