import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeConfig, SignatureName } from '../../src/nodes/node-config.js';
import { hmacSignature } from '../../src/nodes/hmac-signature.js';
import { nexusSignature, type SignatureScheme } from '../../src/nodes/signatures.js';
import { signStandard, standardWebhooks } from '../../src/nodes/standard-webhooks.js';
import { hmacSha256 } from '../../src/hmac-sha256.js';
import { NOW, registryOf } from './registry.js';

const secret = (): string => randomBytes(24).toString('hex');
const body = Buffer.from('{"event":"A"}');
const own = secret();
const wrong = secret();

const nexusHeaders = (key: string) => ({
  'x-nexus-signature': createHmac('sha256', key).update(body).digest('hex'),
});
const standardHeaders = (key: string, id = 'msg_1', at = NOW) => {
  const timestamp = String(at / 1_000);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signStandard({ id, timestamp, body }, key, hmacSha256),
  };
};

function prove(
  config: Partial<NodeConfig>,
  headers: Readonly<Record<string, string>>,
  options: {
    readonly scheme?: SignatureScheme;
    readonly node?: string | undefined;
    readonly now?: number;
  } = {},
): unknown {
  const { scheme, now = NOW } = options;
  const registry = registryOf({ a: { secrets: [own], ...config } }, { now: () => now });
  return registry.authenticate({
    node: 'node' in options ? options.node : 'a',
    body,
    header: (name) => headers[name.toLowerCase()],
    ...(scheme && { scheme }),
  });
}

const both: SignatureName[] = ['nexus', 'standard'];

describe('a node that may use both schemes', () => {
  it('is proven by either; only what is signed names the message', () => {
    expect(prove({ signatures: both }, nexusHeaders(own))).toEqual({ node: 'a' });
    expect(prove({ signatures: both }, standardHeaders(own))).toEqual({ node: 'a', messageId: 'msg_1' });
    expect(prove({ signatures: both }, { ...nexusHeaders(own), ...standardHeaders(own) })).toEqual({
      node: 'a',
      messageId: 'msg_1',
    });
    expect(prove({ signatures: both }, { ...nexusHeaders(own), 'webhook-id': 'forged' })).toEqual({
      node: 'a',
    });
  });

  it('is not excused of a wrong signature by a right one beside it', () => {
    for (const headers of [
      { ...nexusHeaders(own), ...standardHeaders(wrong) },
      { ...nexusHeaders(wrong), ...standardHeaders(own) },
      { ...nexusHeaders(own), ...standardHeaders(own), 'webhook-id': 'msg_2' },
      { ...nexusHeaders(own), ...standardHeaders(own, 'msg_1', NOW - 301_000) },
      { ...nexusHeaders(own), 'webhook-signature': 'v1,' },
    ])
      expect(prove({ signatures: both }, headers)).toBeUndefined();
  });
});

describe('a node that may use one scheme', () => {
  it('is not proven by the other', () => {
    expect(prove({}, standardHeaders(own))).toBeUndefined();
    expect(prove({ signatures: ['standard'] }, nexusHeaders(own))).toBeUndefined();
    expect(prove({ signatures: ['standard'] }, standardHeaders(own))).toEqual({
      node: 'a',
      messageId: 'msg_1',
    });
  });

  it('does not care for what else is on the request, and takes no id from it', () => {
    expect(prove({}, { ...nexusHeaders(own), ...standardHeaders(own) })).toEqual({ node: 'a' });
    expect(prove({}, { ...nexusHeaders(own), ...standardHeaders(wrong) })).toEqual({ node: 'a' });
  });

  it('without a name is proven by it too, if it allows that', () => {
    const unnamed = { node: undefined };
    expect(prove({ unnamed: true }, nexusHeaders(own), unnamed)).toEqual({ node: 'a' });
    expect(prove({ unnamed: true, signatures: both }, standardHeaders(own), unnamed)).toEqual({
      node: 'a',
      messageId: 'msg_1',
    });
    expect(prove({}, nexusHeaders(own), unnamed)).toBeUndefined();
  });
});

describe('a source with a scheme of its own', () => {
  const github = hmacSignature({ header: 'X-Hub-Signature-256', prefix: 'sha256=' });
  const signed = { 'x-hub-signature-256': `sha256=${nexusHeaders(own)['x-nexus-signature']}` };

  it('is proven by it, whatever its node may use', () => {
    expect(prove({}, signed, { scheme: github })).toEqual({ node: 'a' });
    expect(prove({ signatures: ['standard'] }, signed, { scheme: github })).toEqual({ node: 'a' });
    expect(prove({}, nexusHeaders(own), { scheme: github })).toBeUndefined();
    expect(prove({}, standardHeaders(own), { scheme: standardWebhooks() })).toEqual({
      node: 'a',
      messageId: 'msg_1',
    });
  });

  it('is proven by Standard Webhooks as well where its node may use them', () => {
    expect(prove({ signatures: both }, standardHeaders(own), { scheme: github })).toEqual({
      node: 'a',
      messageId: 'msg_1',
    });
    expect(prove({}, standardHeaders(own), { scheme: github })).toBeUndefined();
  });
});

describe('a secret with an end', () => {
  it('proves until then', () => {
    const secrets = [{ secret: own, notAfter: NOW }, secret()];
    expect(prove({ secrets }, nexusHeaders(own), { now: NOW - 1 })).toEqual({ node: 'a' });
    expect(prove({ secrets }, nexusHeaders(own), { now: NOW })).toBeUndefined();
  });
});

describe('whatever headers come', () => {
  it('are refused unless they were signed', () => {
    const header = fc.constantFrom(
      'x-nexus-signature',
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
      'x-nexus-node',
    );
    const value = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[0-9a-f]{64}$/),
      fc.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
      fc.constantFrom(...Object.values({ ...nexusHeaders(wrong), ...standardHeaders(wrong) })),
    );
    fc.assert(
      fc.property(fc.dictionary(header, value), fc.constantFrom('a', 'b', undefined), (headers, node) => {
        expect(prove({ signatures: both, unnamed: true }, headers, { node })).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it('take the same number of HMACs for a known node and an unknown one', () => {
    let calls = 0;
    const registry = registryOf(
      { a: { secrets: [own], signatures: both }, b: { secrets: [secret(), secret()] } },
      {
        hmac: (key, ...parts) => {
          calls += 1;
          return hmacSha256(key, ...parts);
        },
      },
    );
    const cost = (node: string, headers: Readonly<Record<string, string>>): number => {
      calls = 0;
      registry.authenticate({ node, body, header: (name) => headers[name.toLowerCase()] });
      return calls;
    };
    for (const headers of [
      {},
      nexusHeaders(wrong),
      { 'x-nexus-signature': 'zz' },
      standardHeaders(wrong),
      standardHeaders(own, 'msg_1', 0),
      { ...nexusHeaders(own), ...standardHeaders(wrong) },
    ]) {
      const costs = ['a', 'b', 'ghost', '__proto__', ''].map((node) => cost(node, headers));
      expect(new Set(costs).size).toBe(1);
      expect(costs[0]).toBeGreaterThanOrEqual(2);
    }
  });
});

it('a scheme that looks for several headers counts the first', () => {
  const scheme = nexusSignature({ header: ['X-A', 'X-B'] });
  expect(scheme.isPresent((name) => (name === 'X-B' ? '' : undefined))).toBe(true);
  expect(scheme.isPresent(() => undefined)).toBe(false);
});
