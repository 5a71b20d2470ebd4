import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { createReceiver, nodeFor, push, until, whsec } from './receiver.js';

/** What has broken somebody's wire before. */
const awkward = [
  '',
  ' ',
  '\0',
  '\r\n',
  '\r\nX-Injected: 1',
  '\n\ndata: injected',
  '\t\v\f\b',
  '\u0085\u2028\u2029',
  '\ufeff',
  '\ufffe\uffff',
  '\u200b\u200c\u200d\u2060',
  '\u202e\u0631\u0639\u200f',
  '\u2066a\u2069',
  '🚀',
  '👩‍👩‍👧‍👦',
  '🇧🇷',
  '\u{1f600}\u{10ffff}',
  'Z̸̛͚a̵͝l̷g̶o̴',
  'ÅÅ',
  'ﬁ',
  'ß',
  'İı',
  '漢字かな',
  'العربية',
  'ไทย',
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'; DROP TABLE nexus_events; --",
  '" OR 1=1',
  '${7*7}',
  '{{7*7}}',
  '%s%n%x',
  '$(rm -rf /)',
  '`id`',
  '../../etc/passwd',
  '%00',
  '%0d%0a',
  '&lt;&amp;',
  '{"a":1}',
  '[1,2',
  '"',
  '\\',
  '\\u0000',
  '\\"',
  'null',
  'true',
  '1e999',
  '-0',
  '__proto__',
  'constructor',
  'toString',
  '__defineGetter__',
  'NaN',
  'undefined',
  'v1,AAAA',
  'whsec_AAAA',
  'data:text/html,x',
  'javascript:alert(1)',
  'a'.repeat(10_000),
  '\u{1f4a9}'.repeat(2_000),
];

it('awkward strings as keys and values arrive as they were dispatched, and verify', async () => {
  const units = fc.oneof(
    fc.constantFrom(...awkward),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
  );
  const generated = fc.sample(
    fc.tuple(units, units).map(([a, b]) => (a + b).slice(0, 20_000).toWellFormed()),
    { numRuns: 600, seed: 42 },
  );
  const strings = [...awkward, ...generated];
  expect(new Set(strings).size).toBeGreaterThan(515);
  const to = await createReceiver();
  const secret = whsec();
  const { nexus, clock } = push({ shop: nodeFor(to.url, {}, { secrets: [secret] }) });
  // The library compares with the time of the machine.
  await clock.advance(Date.now() - clock.now());
  await nexus.start();
  const sent = new Map<string, unknown>();
  for (let i = 0; i < strings.length; i += 20) {
    const items = strings.slice(i, i + 20).map((text) => {
      // Keys that mean a prototype are refused at the door over HTTP, and may be dispatched by the host.
      const payload = JSON.parse(JSON.stringify({ text, nested: [text, { text }] })) as Record<
        string,
        unknown
      >;
      if (text !== '__proto__') Object.assign(payload, { [`k${text}`]: text });
      return { type: 'ODD', payload };
    });
    const dispatched = await nexus.dispatchMany(items);
    dispatched.forEach(({ id }, n) => sent.set(id, items[n]?.payload));
  }
  await until(() => to.received.length >= strings.length);
  for (const { json, body, headers } of to.received) {
    expect(json.payload).toEqual(sent.get(json.id as string));
    new Webhook(secret).verify(body.toString(), headers);
  }
  expect(new Set(to.received.map(({ json }) => json.id)).size).toBe(strings.length);
}, 60_000);

it('names of types that no header can carry are encoded there, and whole in the body', async () => {
  const to = await createReceiver();
  const { nexus, attempt } = push({ shop: nodeFor(to.url) });
  await nexus.start();
  await nexus.dispatch('PEDIDO:PAGO_à_🚀', {});
  await attempt(1);
  expect(to.received[0]?.json.event).toBe('PEDIDO:PAGO_à_🚀');
  expect(decodeURIComponent(to.received[0]?.headers['x-nexus-event'] ?? '')).toBe('PEDIDO:PAGO_à_🚀');
});
