/**
 * Each verb, on the database of a running host and over HTTP, and in a pseudo-terminal where it draws or asks. A verb without a
 * row here fails, and so does a row that leaves a way out without a reason.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { verbs } from '../../src/cli/verbs.js';
import { adminToken, pay, secret, startHost, type Host } from './host.js';
import { ndjson, nexus, noTerminal, startInTerminal, startNexus, type Ran, type Running } from './program.js';

const ways = ['file', 'http'] as const;
type Way = (typeof ways)[number];

/** What a row is tried with: the same lines, to the file or to the host. */
type Kit = {
  readonly host: Host;
  readonly way: Way;
  readonly run: (line: string, env?: Record<string, string>) => Promise<Ran>;
  readonly start: (line: string) => Running;
};

type Row = {
  /** Does it, and looks at what came of it. */
  readonly works: (kit: Kit) => Promise<void>;
  /** Why it does not go one way. */
  readonly not?: Partial<Record<Way, string>>;
  /** What it draws, or asks, on a terminal; or why that is nothing. */
  readonly draws:
    | string
    | {
        readonly line: string | ((host: Host) => Promise<string>);
        readonly as: RegExp;
        readonly types?: string;
      };
  /** What there is to work on. @default three payments, whose mints are dead */
  readonly host?: () => Promise<Host>;
};
type Unreachable = { readonly neither: string };

// eslint-disable-next-line no-control-regex -- how colours begin
const colour = /\u001b\[\d+m/;
/** Drawn, and the rest of its line cleared. */
const bar = (label: string): RegExp => new RegExp(`\\r${label} [█░]{24} +\\d+ %\\u001b\\[K`);
const question = /\[y\/N\]/;
const plainText = 'it prints a line of plain text';

const payments = async (): Promise<Host> => {
  const host = await startHost();
  await pay(host, 3);
  return host;
};

/** A host whose node `shop` has an endpoint that answers. */
const withEndpoint = async (): Promise<Host> => {
  const receiver = createServer(
    (request, response) => void request.resume().on('end', () => response.writeHead(204).end()),
  );
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void receiver.close());
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  const webhook = { url, allowPrivateNetwork: true };
  const host = await startHost({
    nodes: {
      admin: { secrets: [], tokens: [adminToken], subscribe: ['*'], admin: true },
      shop: { secrets: [secret], subscribe: ['A'], webhook },
    },
  });
  writeFileSync(
    join(host.cwd, 'permissions.json'),
    JSON.stringify({ nodes: { shop: { secrets: ['SHOP_SECRET'], subscribe: ['A'], webhook } } }),
  );
  return host;
};

const deadOf = async ({ nexus: bus }: Host): Promise<string[]> =>
  (await bus.deadLetters.list()).items.map(({ id }) => id);

/** The id of the first event. */
const firstOf = async ({ nexus: bus }: Host): Promise<string> =>
  (await bus.events.list({ after: 0, limit: 1 })).items[0]?.id ?? '';
/** The id of a delivery that waits. */
const openOne = async ({ nexus: bus }: Host): Promise<string> => {
  await bus.dispatch('PAYMENT_RECEIVED', {}, { notBefore: Date.now() + 3_600_000 });
  return (await bus.deliveries.list({ state: 'pending' })).items[0]?.id ?? '';
};

const rows: Readonly<Record<string, Row | Unreachable>> = {
  serve: { neither: 'it is the host: test/cli/serve.test.ts' },
  send: {
    works: async ({ host, way, run }) => {
      const env = { NEXUS_NODE: 'flowpay', NEXUS_SECRET: secret };
      const { code, stdout } = await run('send PAYMENT_RECEIVED --data {"orderId":"cli"} --json', env);
      expect(code).toBe(0);
      const [said] = ndjson(stdout);
      expect(await host.nexus.events.get(String(said?.id))).toMatchObject({
        source: 'flowpay',
        payload: { orderId: 'cli' },
      });
      if (way === 'http')
        expect(await run('send PAYMENT_RECEIVED', { ...env, NEXUS_SECRET: 'x'.repeat(32) })).toMatchObject({
          code: 4,
        });
    },
    draws: plainText,
  },
  tail: {
    works: async ({ host, start, run }) => {
      const tail = start('tail --last 1 --json');
      await tail.said(/following from seq/);
      const { seq } = await host.nexus.dispatch('ZEBRA', {});
      await tail.said(new RegExp(`"seq":${seq}\\b`));
      tail.child.kill('SIGINT');
      expect(await tail.ended).toBe(130);
      expect((await run('tail --last 2 --count 2')).code).toBe(0);
    },
    draws: { line: 'tail --last 1 --count 1', as: colour },
  },
  events: {
    works: async ({ run }) => {
      const { code, stdout } = await run('events --type PAYMENT_RECEIVED --json');
      expect([code, ndjson(stdout).map(({ seq }) => seq)]).toEqual([0, [5, 3, 1]]);
    },
    draws: { line: 'events', as: colour },
  },
  explain: {
    works: async ({ host, run }) => {
      const { code, stdout } = await run(`explain ${await firstOf(host)}`);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/works succeeded[\s\S]*ECONNREFUSED: no /)]);
    },
    draws: { line: async (host) => `explain ${await firstOf(host)}`, as: colour },
  },
  deliveries: {
    works: async ({ run }) => {
      const { code, stdout } = await run('deliveries --state dead --type MINT_REQUESTED --limit 2 --json');
      expect([code, ndjson(stdout).map(({ reactor }) => reactor)]).toEqual([0, ['stubborn', 'stubborn']]);
      expect((await run('deliveries --error OTHER')).stderr).toBe('no deliveries\n');
    },
    draws: { line: 'deliveries', as: colour },
  },
  'deliveries retry': {
    works: async ({ host, run }) => {
      host.mend();
      const [id = ''] = await deadOf(host);
      expect((await run(`deliveries retry ${id}`)).stdout).toContain(id);
      const { eventId = '' } = (await host.nexus.deliveries.get(id)) ?? {};
      await host.nexus.settled(eventId);
      expect(await host.nexus.deliveries.get(id)).toMatchObject({ state: 'succeeded' });
      expect((await run('deliveries retry 9-9-9')).code).toBe(3);
    },
    draws: { line: async (host) => `deliveries retry ${(await deadOf(host))[0] ?? ''}`, as: colour },
  },
  'deliveries cancel': {
    works: async ({ host, run }) => {
      const id = await openOne(host);
      expect(ndjson((await run(`deliveries cancel ${id} --json`)).stdout)).toMatchObject([
        { id, state: 'cancelled' },
      ]);
      expect((await run('deliveries cancel x')).code).toBe(3);
    },
    draws: { line: async (host) => `deliveries cancel ${await openOne(host)}`, as: colour },
  },
  'dead list': {
    works: async ({ run }) => {
      const { code, stdout } = await run('dead list --reactor stubborn --error ECONNREFUSED --json');
      expect([code, ndjson(stdout).length]).toEqual([0, 3]);
      expect(await run('dead list --type OTHER')).toMatchObject({ code: 0, stderr: 'no dead letters\n' });
    },
    draws: { line: 'dead list', as: colour },
  },
  'dead redrive': {
    works: async ({ host, run }) => {
      const dry = await run('dead redrive --reactor stubborn --dry-run --json');
      expect(ndjson(dry.stdout)).toHaveLength(3);
      expect(await run('dead redrive --reactor stubborn')).toMatchObject({ code: 4, stdout: '' });
      expect(await run('dead redrive --yes')).toMatchObject({ code: 2 });
      expect(await deadOf(host)).toHaveLength(3);
      host.mend();
      const [first = ''] = await deadOf(host);
      expect((await run(`dead redrive ${first} --yes`)).stdout).toBe('1 redriven\n');
      expect(ndjson((await run('dead redrive --all --yes --json')).stdout)).toEqual([{ redriven: 2 }]);
      await host.nexus.idle();
      expect(await deadOf(host)).toEqual([]);
    },
    draws: { line: 'dead redrive --all', as: question, types: 'y\n' },
  },
  'dead discard': {
    works: async ({ host, run }) => {
      const [lives] = (await host.nexus.deliveries.list({ reactor: 'works' })).items;
      expect(await run(`dead discard ${lives?.id ?? ''} --dry-run`)).toMatchObject({ code: 0, stdout: '' });
      expect((await run('dead discard --type MINT_REQUESTED --limit 2 --yes')).stdout).toBe('2 discarded\n');
      const [left = ''] = await deadOf(host);
      expect((await run(`dead discard ${left} 9-9-9 --yes`)).stdout).toBe('1 discarded\n');
      expect(await host.nexus.deliveries.get(left)).toMatchObject({ reason: 'discarded' });
    },
    draws: { line: 'dead discard --all', as: question, types: 'y\n' },
  },
  replay: {
    works: async ({ host, run, start }) => {
      const dry = await run('replay --reactor works --from 1 --to 4 --dry-run --json');
      expect(ndjson(dry.stdout)).toMatchObject([{ state: 'dry-run', reactors: [{ events: 2 }] }]);
      expect(await run('replay --reactor works')).toMatchObject({ code: 4, stdout: '' });
      expect((await run('replay --reactor works --from 1h --yes')).stdout).toMatch(
        /replay 1: done\n {2}works: 3 events/,
      );
      const dies = await run('replay --all --type MINT_REQUESTED --yes');
      expect([dies.code, dies.stdout]).toEqual([1, expect.stringContaining('3 dead')]);
      expect((await run('replay --reactor nobody --yes')).code).toBe(3);
      expect((await run('replay --reactor works --from 99 --yes')).code).toBe(2);
      await host.nexus.reactors.pause('works');
      const watched = start('replay --reactor works --yes');
      while ((await host.nexus.replays.list({ state: 'running' })).items.length === 0)
        await new Promise((next) => setImmediate(next));
      watched.child.kill('SIGINT');
      expect(await watched.ended).toBe(130);
      expect(watched.output().stderr).toContain('goes on in the hosts');
      expect((await host.nexus.replays.get(3))?.state).toBe('running');
    },
    draws: { line: 'replay --reactor works --yes', as: bar('replaying') },
  },
  'replays list': {
    works: async ({ host, run }) => {
      expect(await run('replays list')).toMatchObject({ code: 0, stderr: 'no replays\n' });
      await host.nexus.replay({ reactors: ['works'] });
      expect(ndjson((await run('replays list --json')).stdout)).toMatchObject([{ run: 1, state: 'done' }]);
    },
    draws: {
      line: async (host) => {
        await host.nexus.replay({ reactors: ['works'] });
        return 'replays list';
      },
      as: colour,
    },
  },
  'replays cancel': {
    works: async ({ host, run }) => {
      await host.nexus.reactors.pause('works');
      const replaying = host.nexus.replay({ reactors: ['works'] });
      while ((await host.nexus.replays.list()).items.length === 0)
        await new Promise((next) => setImmediate(next));
      expect((await run('replays cancel 1')).stdout).toBe('replay 1 is cancelled\n');
      expect(await replaying).toMatchObject({ state: 'cancelled' });
      expect((await run('replays cancel 77')).code).toBe(3);
      expect((await run('replays cancel x')).code).toBe(2);
    },
    draws: plainText,
  },
  'reactors list': {
    works: async ({ run }) => {
      const { code, stdout } = await run('reactors list --json');
      expect([code, ndjson(stdout)]).toMatchObject([
        0,
        [
          { name: 'stubborn', counts: { dead: 3 } },
          { name: 'works', lag: 0 },
        ],
      ]);
    },
    draws: { line: 'reactors list', as: colour },
  },
  'reactors pause': {
    works: async ({ host, run }) => {
      expect(ndjson((await run('reactors pause works stubborn --json')).stdout)).toMatchObject([
        { paused: true },
        { paused: true },
      ]);
      expect((await host.nexus.reactors.list()).every(({ paused }) => paused)).toBe(true);
      expect((await run('reactors pause nobody')).code).toBe(3);
    },
    draws: { line: 'reactors pause works', as: colour },
  },
  'reactors resume': {
    works: async ({ host, run }) => {
      await host.nexus.reactors.pause('works');
      expect((await run('reactors resume works')).stdout).toContain('active');
      await pay(host, 1);
    },
    draws: { line: 'reactors resume works', as: colour },
  },
  'reactors seek': {
    works: async ({ run }) => {
      expect(await run('reactors seek works 1')).toMatchObject({ code: 4, stdout: '' });
      expect(ndjson((await run('reactors seek works 1 --yes --json')).stdout)).toMatchObject([
        { name: 'works' },
      ]);
      expect(ndjson((await run('reactors seek works now --yes --json')).stdout)).toMatchObject([
        { position: 6, lag: 0 },
      ]);
      expect((await run('reactors seek works 99 --yes')).code).toBe(2);
      expect((await run('reactors seek nobody 1 --yes')).code).toBe(3);
    },
    draws: { line: 'reactors seek works now', as: question, types: 'y\n' },
  },
  'reactors remove': {
    works: async ({ host, run }) => {
      expect((await run('reactors remove stubborn --yes')).stdout).toContain('stubborn removed');
      expect((await host.nexus.reactors.list()).map(({ name }) => name)).toEqual(['works']);
      expect((await run('reactors remove stubborn --yes')).code).toBe(3);
    },
    draws: { line: 'reactors remove stubborn', as: question, types: 'y\n' },
  },
  'nodes list': {
    works: async ({ way, run }) => {
      const { code, stdout } = await run('nodes list --json');
      expect([code, ndjson(stdout).map(({ name }) => name)]).toEqual([
        0,
        way === 'file' ? ['shop'] : ['admin', 'shop'],
      ]);
      expect(stdout).not.toContain(secret);
    },
    draws: { line: 'nodes list', as: colour },
    host: withEndpoint,
  },
  'nodes rotate': {
    works: async ({ host, run }) => {
      writeFileSync(join(host.cwd, '.env'), '');
      expect((await run('nodes rotate shop --env-file .env --yes')).stdout).toContain('SHOP_SECRET_2');
      expect(readFileSync(join(host.cwd, 'permissions.json'), 'utf8')).toContain('SHOP_SECRET_2');
    },
    not: { http: 'a secret does not travel: it is written to the files that the host reads' },
    draws: {
      line: async ({ cwd }) => {
        writeFileSync(join(cwd, '.env'), '');
        return 'nodes rotate shop --env-file=.env';
      },
      as: question,
      types: 'y\n',
    },
    host: withEndpoint,
  },
  'endpoints list': {
    works: async ({ run }) => {
      expect(ndjson((await run('endpoints list --json')).stdout)).toMatchObject([
        { node: 'shop', state: 'enabled' },
      ]);
    },
    draws: { line: 'endpoints list', as: colour },
    host: withEndpoint,
  },
  'endpoints test': {
    works: async ({ run }) => {
      expect((await run('endpoints test shop')).stdout).toMatch(/^answered 204 in \d+ ms\n$/);
      expect((await run('endpoints test nobody')).code).toBe(3);
    },
    draws: plainText,
    host: withEndpoint,
  },
  'endpoints enable': {
    works: async ({ host, run }) => {
      await host.nexus.endpoints.disable('shop');
      expect((await run('endpoints enable shop')).stdout).toContain('enabled');
      expect(await host.nexus.endpoints.list()).toMatchObject([{ state: 'enabled' }]);
    },
    draws: { line: 'endpoints enable shop', as: colour },
    host: withEndpoint,
  },
  'endpoints disable': {
    works: async ({ host, run }) => {
      expect((await run('endpoints disable shop')).stdout).toContain('disabled (operator)');
      expect(await host.nexus.endpoints.list()).toMatchObject([{ state: 'disabled' }]);
      expect((await host.nexus.events.list({ type: 'nexus.endpoint.disabled' })).items).toHaveLength(1);
    },
    draws: { line: 'endpoints disable shop', as: colour },
    host: withEndpoint,
  },
  'audit verify': {
    works: async ({ host, run }) => {
      expect((await run('audit verify')).stdout).toContain('the log is whole');
      const note = await host.nexus.audit.checkpoint();
      writeFileSync(join(host.cwd, 'note.json'), JSON.stringify(note));
      const fine = await run('audit verify --checkpoint note.json --json');
      expect(ndjson(fine.stdout)).toMatchObject([{ ok: true, events: 6, vouchedTo: 6 }]);
      writeFileSync(join(host.cwd, 'other.json'), JSON.stringify({ ...note, hash: 'f'.repeat(64) }));
      const broken = await run('audit verify --checkpoint other.json');
      expect([broken.code, broken.stdout]).toEqual([1, expect.stringContaining('NOT whole')]);
      expect((await run('audit verify --from 99')).code).toBe(2);
    },
    draws: { line: 'audit verify', as: bar('verifying') },
  },
  'audit checkpoint': {
    works: async ({ host, run }) => {
      const { at, ...note } = await host.nexus.audit.checkpoint();
      expect(at).toBeGreaterThan(0);
      expect(ndjson((await run('audit checkpoint')).stdout)).toMatchObject([note]);
      expect(await run('audit checkpoint --out note.json')).toMatchObject({ code: 0, stdout: '' });
      expect(JSON.parse(readFileSync(join(host.cwd, 'note.json'), 'utf8'))).toMatchObject(note);
    },
    draws: plainText,
  },
  backup: {
    works: async ({ run }) => {
      expect((await run('backup copy.db')).code).toBe(0);
      expect(ndjson((await run('events --db copy.db --json')).stdout)).toHaveLength(6);
    },
    not: {
      http: 'a path on the host is the host’s, and a copy has every payload: it is made beside the file',
    },
    draws: { line: 'backup copy.db', as: bar('copying') },
  },
  migrate: {
    works: async ({ host, run }) => {
      expect((await run('migrate --yes')).stdout).toContain('has the schema of this version');
      await pay(host, 1);
    },
    not: { http: 'a host that answers has migrated' },
    draws: { line: 'migrate', as: question, types: 'y\n' },
  },
  health: {
    works: async ({ run }) => {
      expect(ndjson((await run('health --json')).stdout)).toMatchObject([{ status: 'ok', head: 6 }]);
    },
    draws: { line: 'health', as: colour },
  },
  doctor: {
    works: async ({ run }) => {
      const { code, stdout } = await run('doctor --json');
      expect(code).toBe(0);
      expect(stdout).toContain('"database"');
    },
    draws: { line: 'doctor', as: colour },
  },
  sign: { neither: 'it signs bytes, with a secret of who runs it: test/cli/changing.test.ts' },
  verify: { neither: 'it checks bytes, with a secret of who runs it: test/cli/changing.test.ts' },
  completion: { neither: 'it prints a script, made from the table of verbs: test/cli/table.test.ts' },
};

const environment = (way: Way): Record<string, string> => ({
  NEXUS_NODES: 'permissions.json',
  SHOP_SECRET: secret,
  ...(way === 'http' && { NEXUS_TOKEN: adminToken }),
});
const line = ({ host, way }: Pick<Kit, 'host' | 'way'>, typed: string): string =>
  way === 'http' ? `${typed} --url ${host.url}` : typed;

describe('the rows', () => {
  it('are of every verb, and of no other', () => {
    expect(Object.keys(rows)).toEqual(verbs.map(({ name }) => name));
  });

  it.each(verbs.map(({ name, over }) => ({ name, over })))(
    'try $name every way that it goes',
    ({ name, over }) => {
      const row = rows[name] ?? { neither: '' };
      const tried = 'neither' in row ? [] : ways.filter((way) => row.not?.[way] === undefined);
      expect(tried).toEqual([...over]);
      const reasons = 'neither' in row ? [row.neither] : Object.values(row.not ?? {});
      for (const reason of reasons) expect(reason.length).toBeGreaterThan(20);
    },
  );
});

const tries = verbs.flatMap(({ name, over }) => over.map((way) => ({ name, way, row: rows[name] })));

describe('works', () => {
  it.each(tries)('$name, $way', async ({ way, row }) => {
    if (!row || 'neither' in row) throw new Error('there is no row');
    const host = await (row.host ?? payments)();
    const at = { cwd: host.cwd, env: environment(way) };
    await row.works({
      host,
      way,
      run: (typed, env) => nexus(line({ host, way }, typed), { ...at, env: { ...at.env, ...env } }),
      start: (typed) => startNexus(line({ host, way }, typed), at),
    });
  });
});

describe.skipIf(noTerminal !== undefined)(`in a terminal${noTerminal ? `: ${noTerminal}` : ''}`, () => {
  const drawn = tries.flatMap(({ name, way, row }) =>
    row && 'draws' in row && typeof row.draws === 'object' ? [{ name, way, row, draws: row.draws }] : [],
  );
  it.each(drawn)('draws $name, $way', async ({ way, row, draws }) => {
    const host = await (row.host ?? payments)();
    const typed = typeof draws.line === 'string' ? draws.line : await draws.line(host);
    const running = startInTerminal(line({ host, way }, typed), {
      cwd: host.cwd,
      env: environment(way),
    });
    await running.said(draws.as);
    if (draws.types !== undefined) running.child.stdin?.write(draws.types);
    expect(await running.ended).toBe(0);
    expect(running.output().stdout).not.toMatch(/^\s+at .*\.js/m);
  });
});
