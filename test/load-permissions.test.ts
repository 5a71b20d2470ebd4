import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NexusError } from '../src/core/errors.js';
import { createNexus, loadPermissions, protocolEvents, type NodeConfig } from '../src/index.js';
import { memoryStorage } from '../src/storage/memory/index.js';

const env = {
  A_SECRET: 'a-secret-of-16-bytes',
  B_SECRET: 'b-secret-of-16-bytes',
  TOKEN: 'token-of-16-bytes',
};

function write(content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-permissions-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'permissions.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const load = (
  content: unknown,
  options?: Parameters<typeof loadPermissions>[2],
): Record<string, NodeConfig> => loadPermissions(write(content), env, options);

function refusal(content: unknown, options?: Parameters<typeof loadPermissions>[2]): string {
  try {
    load(content, options);
  } catch (error) {
    if (NexusError.is(error, 'NEXUS_INVALID_OPTION')) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('loadPermissions', () => {
  it('puts the values of variables where their names stand', () => {
    const loaded = load({
      nodes: {
        a: {
          secrets: ['A_SECRET', { env: 'B_SECRET', notAfter: '2027-01-01T00:00:00Z' }],
          signatures: ['standard'],
          dispatch: ['PAYMENT_*'],
          subscribe: ['*'],
          tokens: ['TOKEN'],
          admin: true,
          webhook: { url: 'https://a.example.com/hook', secrets: ['A_SECRET'], events: ['X'] },
        },
        reader: { tokens: ['B_SECRET'] },
      },
    });
    expect(loaded).toEqual({
      a: {
        secrets: [{ secret: env.A_SECRET }, { secret: env.B_SECRET, notAfter: Date.UTC(2027, 0, 1) }],
        signatures: ['standard'],
        dispatch: ['PAYMENT_*'],
        subscribe: ['*'],
        tokens: [env.TOKEN],
        admin: true,
        webhook: { url: 'https://a.example.com/hook', secrets: [{ secret: env.A_SECRET }], events: ['X'] },
      },
      reader: { secrets: [], tokens: [env.B_SECRET] },
    });
    expect(Object.keys(loaded)).toEqual(['a', 'reader']);
  });

  const node = { secrets: ['A_SECRET'] };
  it.each<[string, unknown, RegExp]>([
    [
      'a variable that is not set',
      { nodes: { a: { secrets: ['NOT_THERE'] } } },
      /nodes\.a\.secrets: the environment variable NOT_THERE is not set/,
    ],
    [
      'a token that is not set',
      { nodes: { a: { ...node, tokens: ['NOT_THERE'] } } },
      /nodes\.a\.tokens: .*NOT_THERE/,
    ],
    ['a secret in the file', { nodes: { a: { secrets: ['3f9a7c0de1b24455aa'] } } }, /nodes\.a\.secrets/],
    [
      'a type twice',
      { nodes: { a: { ...node, dispatch: ['X', 'Y', 'X'] } } },
      /nodes\.a\.dispatch: X is there twice/,
    ],
    [
      'a node twice',
      '{"nodes":{"a":{"secrets":["A_SECRET"]},"a":{"secrets":["B_SECRET"]}}}',
      /: a is there twice/,
    ],
    [
      'a node twice in disguise',
      '{"nodes":{"a":{"secrets":["A_SECRET"]},"\\u0061":{"secrets":["B_SECRET"]}}}',
      /: a is there twice/,
    ],
    ['an unknown option', { nodes: { a: { ...node, dispach: ['X'] } } }, /nodes\.a: .*dispach/],
    ['an unknown section', { nodes: {}, node: {} }, /node"/],
    ['no nodes', {}, /nodes: /],
    ['a list', [], /the file: /],
    ['no JSON', '{"nodes":', /it is not JSON/],
    [
      'a node without proof',
      { nodes: { a: { dispatch: ['X'] } } },
      /nodes\.a\.secrets: expected at least one secret/,
    ],
    [
      'a pattern with a star inside',
      { nodes: { a: { ...node, dispatch: ['P*D'] } } },
      /nodes\.a\.dispatch: .*P\*D/,
    ],
    ['a type of the library', { nodes: { a: { ...node, subscribe: ['nexus.log.gap'] } } }, /admin: true/],
    [
      'an instant that is none',
      { nodes: { a: { secrets: [{ env: 'A_SECRET', notAfter: 'soon' }] } } },
      /nodes\.a\.secrets/,
    ],
    [
      'a webhook with a password',
      { nodes: { a: { ...node, webhook: { url: 'https://u:p@a.test/' } } } },
      /webhook\.url/,
    ],
    [
      'a webhook header with a line end',
      { nodes: { a: { ...node, webhook: { url: 'https://a.test/', headers: { a: 'b\r\nc: d' } } } } },
      /webhook\.headers/,
    ],
    ['__proto__', '{"nodes":{"__proto__":{"secrets":["A_SECRET"]}}}', /__proto__/],
  ])('refuses %s', (_what, content, message) => {
    expect(refusal(content)).toMatch(message);
  });

  it('tells of all problems at once, and never a value', () => {
    const message = refusal({
      nodes: { a: { secrets: ['NOT_THERE', 'A_SECRET'] }, b: { secrets: ['NEITHER'], tokens: ['B_SECRET'] } },
    });
    expect(message).toMatch(/permissions\.json: .*NOT_THERE is not set; .*NEITHER is not set/);
    for (const value of Object.values(env)) expect(message).not.toContain(value.slice(0, 8));
    expect(refusal({ nodes: { a: { secrets: ['hunter2-hunter2-hunter2'] } } })).not.toContain('hunter2');
  });

  it('refuses event types that the catalogue does not have, where it is given one', () => {
    const nodes = { a: { ...node, dispatch: ['PAYMENT_RECIEVED'], subscribe: ['MINT_*', 'NOPE'] } };
    expect(() => load({ nodes })).not.toThrow();
    expect(refusal({ nodes }, { events: protocolEvents })).toMatch(
      /nodes\.a\.dispatch: PAYMENT_RECIEVED is not .*; nodes\.a\.subscribe: NOPE is not/,
    );
  });

  it('refuses a file that cannot be read', () => {
    expect(() => loadPermissions('/nowhere/permissions.json', env)).toThrow(
      expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
    );
  });

  it('refuses with its own error whatever the file holds', () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom('A_SECRET', '*', 'X*'),
    );
    const option = fc.constantFrom(
      'secrets',
      'dispatch',
      'subscribe',
      'tokens',
      'webhook',
      'signatures',
      'admin',
      'unnamed',
      'x',
    );
    const config = fc.dictionary(
      option,
      fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(fc.string(), leaf)),
    );
    const path = write('');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(config, leaf), { maxKeys: 3 }), (nodes) => {
        writeFileSync(path, JSON.stringify({ nodes }));
        let loaded: Record<string, NodeConfig>;
        try {
          loaded = loadPermissions(path, env);
        } catch (error) {
          expect(NexusError.is(error, 'NEXUS_INVALID_OPTION')).toBe(true);
          return;
        }
        for (const each of Object.values(loaded))
          expect(each.secrets.length + (each.tokens?.length ?? 0)).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the example', () => {
  const path = fileURLToPath(new URL('../examples/config/permissions.json', import.meta.url));

  it('fits the catalogue of the protocol', async () => {
    const values = new Proxy<Record<string, string>>(
      {},
      { get: (_, name) => `value of ${String(name)}`.replaceAll(' ', '-') },
    );
    const nodes = loadPermissions(path, values, { events: protocolEvents });
    const nexus = createNexus({
      nodes,
      events: protocolEvents,
      storage: memoryStorage(),
      node: 'neobot',
      logger: false,
    });
    expect((await nexus.nodes.list()).map(({ name }) => name)).toContain('flowpay');
    await nexus.close();
  });

  it('names what is missing', () => {
    expect(() => loadPermissions(path, {})).toThrow(/FLOWPAY_SECRET is not set.*MONITOR_TOKEN is not set/);
  });
});
