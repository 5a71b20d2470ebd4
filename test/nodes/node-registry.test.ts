import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';
import type { NodeConfig } from '../../src/nodes/node-config.js';
import type { NodeRegistry } from '../../src/nodes/node-registry.js';
import { nexusSignature, type HmacSha256 } from '../../src/nodes/signatures.js';
import { hmacSha256 as hmac } from '../../src/hmac-sha256.js';
import { registryOf } from './registry.js';

const secret = (): string => randomBytes(24).toString('hex');
const body = Buffer.from('{"event":"A"}');

function refusal(config: unknown): NexusError {
  try {
    registryOf(config as Record<string, NodeConfig>);
  } catch (error) {
    if (NexusError.is(error, 'NEXUS_INVALID_OPTION')) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('what a node registry refuses', () => {
  const short = randomBytes(6).toString('hex');
  const shared = secret();

  it.each<[string, unknown, RegExp]>([
    [
      'a secret of less than 16 bytes',
      { a: { secrets: [secret(), short] } },
      /nodes\.a\.secrets: .* 16 bytes/,
    ],
    ['an unset variable', { a: { secrets: [undefined] } }, /nodes\.a\.secrets: .*environment variable unset/],
    ['an empty secret', { a: { secrets: [''] } }, /16 bytes/],
    ['no secrets', { a: { secrets: [] } }, /nodes\.a\.secrets: expected at least one secret/],
    ['secrets that are no list', { a: { secrets: shared } }, /at least one secret/],
    ['none given', { a: {} }, /at least one secret/],
    ['nothing', { a: null }, /nodes\.a: expected an object/],
    ['types that are no list', { a: { secrets: [shared], dispatch: 'PAID' } }, /nodes\.a\.dispatch: .* list/],
    ['types of another kind', { a: { secrets: [shared], subscribe: [/P/] } }, /nodes\.a\.subscribe: .* list/],
    [
      'a secret of two nodes',
      { a: { secrets: [shared] }, b: { secrets: [secret(), shared] } },
      /nodes\.b\.secrets: .* shared with a/,
    ],
    ['an empty name', { '': { secrets: [secret()] } }, /node names of 1 to 200 characters.*got ""/],
    ['a name with a space', { 'a b': { secrets: [secret()] } }, /got "a b"/],
    ['a name with a star', { 'a*': { secrets: [secret()] } }, /node names/],
    ['a name with a line end', { 'a\r\nx': { secrets: [secret()] } }, /got "a\\r\\nx"/],
    ['a long name', { ['x'.repeat(201)]: { secrets: [secret()] } }, /node names/],
  ])('%s', (_what, config, message) => {
    expect(refusal(config).message).toMatch(message);
  });

  it('is told without the secret, or a part of it', () => {
    const configs = [
      { a: { secrets: [short] } },
      { a: { secrets: [shared] }, b: { secrets: [shared] } },
      { 'a b': { secrets: [shared] } },
    ];
    for (const config of configs) {
      const error = refusal(config);
      const told = `${error.message} ${JSON.stringify(error.details)} ${error.stack ?? ''}`;
      for (const each of [short, shared]) expect(told).not.toContain(each.slice(0, 8));
    }
  });

  it('counts bytes, not characters', () => {
    expect(() => registryOf({ a: { secrets: ['é'.repeat(8)] } })).not.toThrow();
    expect(() => registryOf({ a: { secrets: ['é'.repeat(7) + 'x'] } })).toThrow(/16 bytes/);
  });

  it('does not mind one secret twice in one node', () => {
    expect(() => registryOf({ a: { secrets: [shared, shared] } })).not.toThrow();
  });

  it('is more than 16 secrets that are tried unnamed', () => {
    const many = (count: number): Record<string, NodeConfig> =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`n${i}`, { secrets: [secret()], unnamed: true }]),
      );
    expect(() => registryOf(many(16))).not.toThrow();
    expect(refusal(many(17)).message).toMatch(/at most 16 secrets .* got 17/);
  });

  it('is refused by createNexus, with the name of the host as well', () => {
    expect(() => createNexus({ nodes: { a: { secrets: [short] } } })).toThrow(/16 bytes/);
    expect(() => createNexus({ node: 'bot', nodes: { bot: { secrets: [shared] } } })).toThrow(
      expect.objectContaining({
        code: 'NEXUS_INVALID_OPTION',
        message: expect.stringContaining("host's own node") as string,
      }),
    );
  });
});

type Attempt = {
  readonly node?: string | undefined;
  readonly header?: string;
  readonly bytes?: Uint8Array;
};

function authenticate(registry: NodeRegistry, signature: string, attempt: Attempt = {}): string | undefined {
  const { node, header = 'X-Nexus-Signature', bytes = body } = attempt;
  const proof = registry.authenticate({
    node,
    body: bytes,
    header: (name) => (name.toLowerCase() === header.toLowerCase() ? signature : undefined),
  });
  return proof?.node;
}

const sign = (key: string, bytes: Uint8Array = body): string => Buffer.from(hmac(key, bytes)).toString('hex');

describe('authenticate', () => {
  it('takes any secret of the node, so that one can be replaced without a gap', () => {
    const [old, fresh] = [secret(), secret()];
    const both = registryOf({ a: { secrets: [old, fresh] } });
    expect(authenticate(both, sign(old), { node: 'a' })).toBe('a');
    expect(authenticate(both, sign(fresh), { node: 'a' })).toBe('a');
    const after = registryOf({ a: { secrets: [fresh] } });
    expect(authenticate(after, sign(old), { node: 'a' })).toBeUndefined();
  });

  it('takes the secret of the node that is named only', () => {
    const [a, b] = [secret(), secret()];
    const registry = registryOf({ a: { secrets: [a] }, b: { secrets: [b], unnamed: true } });
    expect(authenticate(registry, sign(a), { node: 'b' })).toBeUndefined();
    expect(authenticate(registry, sign(b), { node: 'a' })).toBeUndefined();
    expect(authenticate(registry, sign(b), { node: 'c' })).toBeUndefined();
    expect(authenticate(registry, sign(b), { node: 'b' })).toBe('b');
  });

  it('knows no node of the prototype', () => {
    const registry = registryOf({ a: { secrets: [secret()] } });
    for (const node of ['__proto__', 'constructor', 'toString', ''])
      expect(authenticate(registry, sign('x'.repeat(16)), { node })).toBeUndefined();
  });

  it('cannot be passed with the secret that stands in for those of unknown nodes', () => {
    const registry = registryOf({});
    const standIn = sign('no node has this secret; it only keeps the clock honest');
    expect(authenticate(registry, standIn, { node: 'ghost' })).toBeUndefined();
    expect(authenticate(registry, standIn)).toBeUndefined();
  });

  it('tries unnamed requests against nodes that allow it, up to 16 KiB', () => {
    const [open, closed] = [secret(), secret()];
    const registry = registryOf({
      closed: { secrets: [closed] },
      open: { secrets: [secret(), open], unnamed: true },
    });
    expect(authenticate(registry, sign(open))).toBe('open');
    expect(authenticate(registry, sign(closed))).toBeUndefined();
    const [fits, large] = [new Uint8Array(16 * 1024), new Uint8Array(16 * 1024 + 1)];
    expect(authenticate(registry, sign(open, fits), { bytes: fits })).toBe('open');
    expect(authenticate(registry, sign(open, large), { bytes: large })).toBeUndefined();
    expect(authenticate(registry, sign(open, large), { bytes: large, node: 'open' })).toBe('open');
  });

  it('takes the same work for a node that is not known, whatever secrets the others have', () => {
    let calls = 0;
    const counting: HmacSha256 = (key, ...parts) => {
      calls += 1;
      return hmac(key, ...parts);
    };
    const config = { a: { secrets: [secret()] }, b: { secrets: [secret(), secret(), secret()] } };
    const registry = registryOf(config, { hmac: counting });
    const header = (): undefined => undefined;
    const callsFor = (node: string): number => {
      calls = 0;
      registry.authenticate({ node, body, header });
      return calls;
    };
    expect(['a', 'b', 'ghost', '__proto__'].map(callsFor)).toEqual([3, 3, 3, 3]);
  });
});

describe('nexusSignature', () => {
  const key = secret();
  const right = sign(key);
  const verify = (headers: Record<string, string>, names?: string | string[]): boolean =>
    nexusSignature(names === undefined ? {} : { header: names }).verify({
      body,
      secret: key,
      hmac,
      now: 0,
      header: (name) => headers[name],
    });

  it('takes 64 digits, after sha256= or not', () => {
    expect(verify({ 'X-Nexus-Signature': right })).toBe(true);
    expect(verify({ 'X-Nexus-Signature': `sha256=${right}` })).toBe(true);
  });

  it.each([
    `${right}zz`,
    `zz${right}`,
    right.toUpperCase(),
    right.slice(2),
    `${right}\n`,
    ` ${right}`,
    `SHA256=${right}`,
    `sha256=sha256=${right}`,
    `${right},${right}`,
    '',
    'sha256=',
    '0'.repeat(64),
  ])('refuses %j', (signature) => {
    expect(verify({ 'X-Nexus-Signature': signature })).toBe(false);
  });

  it('refuses a signature that differs in any one digit', () => {
    for (let i = 0; i < 64; i++) {
      const other = right[i] === '0' ? '1' : '0';
      expect(verify({ 'X-Nexus-Signature': right.slice(0, i) + other + right.slice(i + 1) })).toBe(false);
    }
  });

  it('counts the first header that is there', () => {
    const names = ['X-A', 'X-B'];
    expect(verify({ 'X-B': right }, names)).toBe(true);
    expect(verify({ 'X-A': right, 'X-B': 'wrong' }, names)).toBe(true);
    expect(verify({ 'X-A': 'wrong', 'X-B': right }, names)).toBe(false);
    expect(verify({ 'X-Nexus-Signature': right }, names)).toBe(false);
    expect(verify({ 'X-A': right }, 'X-A')).toBe(true);
  });
});
