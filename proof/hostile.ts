/** Requests made to hurt: structured as the real ones are, and wrong in some of their parts. */
import fc from 'fast-check';
import { signed, startIngressHost } from './ingress-host.js';

const name = fc.oneof(
  fc.constantFrom(
    'event',
    'payload',
    'idempotencyKey',
    'correlationId',
    'headers',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'id',
    'seq',
    'source',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    'PAID',
    '*',
    'nexus.log.gap',
    '__proto__',
    '\ud800',
    '\u0000',
    '\r\nX: y',
    'x'.repeat(600),
    '..',
    'a\u202eb',
  ),
  fc.double(),
  fc.integer(),
  fc.bigInt({ max: 2n ** 80n }),
  fc.constantFrom(null, true, false, -0, 1e308, 5e-324, 9_007_199_254_740_993n),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie('tree')), { maxLength: 4 }).map((entries) => new Members(entries)),
  ),
}));

/** An object as text, which may have a key twice, or `__proto__` for one. */
class Members {
  readonly entries: readonly (readonly [string, unknown])[];
  constructor(entries: readonly (readonly [string, unknown])[]) {
    this.entries = entries;
  }
}

function write(value: unknown): string {
  if (value instanceof Members)
    return `{${value.entries.map(([key, member]) => `${JSON.stringify(key)}:${write(member)}`).join(',')}}`;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

const objects = fc.array(fc.tuple(name, tree), { maxLength: 5 }).map((entries) => new Members(entries));
/** Mostly what is expected, now and then anything. */
const mostly = (expected: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: expected }, { weight: 1, arbitrary: tree });
const sane = fc.record(
  {
    event: mostly(fc.constant('PAID')),
    payload: mostly(objects),
    idempotencyKey: mostly(fc.string({ minLength: 1, maxLength: 40 })),
    correlationId: mostly(fc.uuid()),
    headers: mostly(fc.constant(new Members([['trace', 't-1']]))),
  },
  { requiredKeys: ['event', 'payload'] },
);
const text = fc.oneof(
  { weight: 6, arbitrary: sane.map((fields) => write(new Members(Object.entries(fields)))) },
  { weight: 2, arbitrary: objects.map(write) },
  tree.map(write),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc
    .integer({ min: 1, max: 5_000 })
    .map((levels) => `{"event":"PAID","payload":${'{"a":'.repeat(levels)}1${'}'.repeat(levels + 1)}`),
);
const damage = fc.oneof(
  { weight: 8, arbitrary: fc.constant((bytes: Buffer) => bytes) },
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, value]) => (bytes: Buffer) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[at % changed.length] = value;
    return changed;
  }),
  fc.nat().map((at) => (bytes: Buffer) => bytes.subarray(0, bytes.length === 0 ? 0 : at % bytes.length)),
  fc.constant((bytes: Buffer) => Buffer.concat([Buffer.from('\ufeff'), bytes])),
);
const often = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
const request = fc.record({
  text,
  damage,
  /** Most are signed over what is sent, so that they come past the signature. */
  signs: often('sent', 'other', 'none'),
  method: often('POST', 'PUT', 'GET', 'HEAD', 'OPTIONS', 'DELETE'),
  path: often('/events', '/webhook/shop', '/webhook/__proto__', '/health', '/events/x', '/constructor'),
  query: fc.constantFrom(
    '',
    '',
    '?after=1',
    '?after=-1',
    '?limit=0',
    '?type=%00',
    '?__proto__=1',
    '?after=1&after=2',
    '?%ff',
  ),
  headers: fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    fc.dictionary(
      fc.constantFrom(
        'content-type',
        'content-encoding',
        'authorization',
        'x-forwarded-for',
        'origin',
        'access-control-request-method',
        'webhook-id',
        'webhook-signature',
        'x-nexus-node',
      ),
      fc.oneof(
        fc.constantFrom(
          'application/json',
          'text/plain',
          'gzip',
          'Bearer x',
          'Bearer ',
          'v1,',
          '::1',
          'null',
          '*',
        ),
        fc.stringMatching(/^[\x21-\x7e]{1,40}$/),
      ),
      { maxKeys: 2 },
    ),
  ),
});

export type HostileReport = {
  requests: number;
  statuses: Readonly<Record<number, number>>;
  serverErrors: number;
  /** Some of these. */
  failures: readonly string[];
  /** Stored, and read again with the very text that was sent. */
  accepted: number;
  changed: number;
  prototype: 'untouched' | 'changed';
};

export async function proveHostile(options: { requests: number; seed?: number }): Promise<HostileReport> {
  const host = await startIngressHost({
    webhooks: {
      shop: { node: 'flowpay', map: ({ event, payload }) => ({ event: event as string, payload }) },
    },
  });
  const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
  const statuses: Record<number, number> = {};
  const failures: string[] = [];
  const report = { requests: 0, serverErrors: 0, accepted: 0, changed: 0 };
  try {
    await fc.assert(
      fc.asyncProperty(request, async ({ text: said, damage: hurt, signs, method, path, query, headers }) => {
        const bytes = hurt(Buffer.from(said));
        const proof = signs === 'none' ? {} : signed(host.secret, signs === 'sent' ? bytes : 'other');
        const response = await host.handler.fetch(
          new Request(`http://nexus.test${path}${query}`, {
            method,
            headers: { ...proof, ...headers },
            ...(method !== 'GET' && method !== 'HEAD' && { body: new Uint8Array(bytes) }),
          }),
          { ip: '203.0.113.9' },
        );
        report.requests += 1;
        statuses[response.status] = (statuses[response.status] ?? 0) + 1;
        const answer = await response.text();
        if (response.status >= 500) {
          report.serverErrors += 1;
          failures.push(`${method} ${path}${query} ${bytes.toString('latin1').slice(0, 500)} → ${answer}`);
        }
        if (response.status !== 202) return;
        report.accepted += 1;
        const { eventId } = JSON.parse(answer) as { eventId: string };
        const stored = await host.nexus.events.get(eventId);
        const sent = (JSON.parse(bytes.toString()) as { payload: unknown }).payload;
        if (JSON.stringify(stored?.payload) !== JSON.stringify(sent)) report.changed += 1;
      }),
      { numRuns: options.requests, ...(options.seed !== undefined && { seed: options.seed }) },
    );
  } finally {
    await host.close();
  }
  const untouched =
    JSON.stringify(Object.getOwnPropertyNames(Object.prototype)) === before && Object.keys({}).length === 0;
  return {
    ...report,
    statuses,
    failures: failures.slice(0, 3),
    prototype: untouched ? 'untouched' : 'changed',
  };
}
