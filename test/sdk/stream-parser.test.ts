import { describe, expect, it } from 'vitest';
import { createStreamParser, type StreamMessage } from '../../src/sdk/stream-parser.js';

const all = (parts: readonly string[]): StreamMessage[] => parts.flatMap(createStreamParser());

describe('the parser of streams', () => {
  const text =
    'retry: 3000\nid: 41\n\n: alive\n\nid: 42\nevent: A\ndata: {"a":\ndata:1}\n\nid:43\r\ndata\r\ndata: x:y\r\n\r\nid: 44\rdata: z\r\r: end\n\n';
  const messages = [
    { event: '', data: '', id: '41' },
    { event: 'A', data: '{"a":\n1}', id: '42' },
    { event: '', data: '\nx:y', id: '43' },
    { event: '', data: 'z', id: '44' },
  ];

  it('knows the three ends of a line, comments, fields without value, and what only says a position', () => {
    expect(all([text])).toEqual(messages);
  });

  it('gives the same however the text is cut', () => {
    for (let at = 1; at < text.length; at++)
      expect(all([text.slice(0, at), text.slice(at)])).toEqual(messages);
    expect(all(Array.from(text))).toEqual(messages);
  });

  it('gives nothing of a message that is not complete', () => {
    expect(all(['id: 1\ndata: half\n'])).toEqual([]);
  });
});
