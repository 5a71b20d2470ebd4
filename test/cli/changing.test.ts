/** Verbs that change something, on the database of a running host. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPermissions } from '../../src/index.js';
import { folder, pay, secret, startHost } from './host.js';
import { ndjson, nexus, startNexus } from './program.js';

describe('nexus send', () => {
  it('appends to a file, and a running host reacts to it', async () => {
    const host = await startHost();
    const at = { cwd: host.cwd };
    const heard = host.nexus.waitFor('MINT_REQUESTED');
    const said = await nexus(
      [
        'send',
        'PAYMENT_RECEIVED',
        '--data',
        '{"orderId":"cli"}',
        '--key',
        'k-1',
        '--header',
        'from=desk',
        '--json',
      ],
      at,
    );
    expect(said.code).toBe(0);
    const [first] = ndjson(said.stdout);
    expect(first).toMatchObject({ seq: 1, type: 'PAYMENT_RECEIVED', duplicate: false });
    expect((await heard).payload).toEqual({ orderId: 'cli' });
    expect((await host.nexus.events.get(String(first?.id)))?.headers).toEqual({ from: 'desk' });
    const again = await nexus(
      ['send', 'PAYMENT_RECEIVED', '--data', '{"orderId":"cli"}', '--key', 'k-1'],
      at,
    );
    expect(again.stdout).toContain('said before');
    const other = await nexus(['send', 'PAYMENT_RECEIVED', '--data', '{"orderId":"x"}', '--key', 'k-1'], at);
    expect(other.code).toBe(4);
  });

  it('takes a payload from stdin and from a file, and refuses what is none', async () => {
    const host = await startHost();
    writeFileSync(join(host.cwd, 'p.json'), '{"n":2}');
    const at = { cwd: host.cwd };
    expect((await nexus('send A --data -', { ...at, input: '{"n":1}' })).code).toBe(0);
    expect((await nexus('send A --data @p.json', at)).code).toBe(0);
    expect((await host.nexus.events.list({ type: 'A' })).items.map(({ payload }) => payload)).toEqual([
      { n: 2 },
      { n: 1 },
    ]);
    for (const data of ['[1]', '{', '7', '@nowhere.json']) {
      const refused = await nexus(['send', 'A', '--data', data], at);
      expect(refused, data).toMatchObject({ code: 2, stdout: '' });
    }
  });

  it('checks a payload against the catalogue of a configuration', async () => {
    const host = await startHost();
    writeFileSync(join(host.cwd, 'nexus.config.json'), '{"events":"protocol"}');
    const refused = await nexus('send PAYMENT_RECEIVED --data {} --config nexus.config.json', {
      cwd: host.cwd,
    });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('orderId');
  });

  it.each(['nexus', 'standard'])('posts to a host with a %s signature', async (scheme) => {
    const host = await startHost();
    const env = { NEXUS_SECRET: secret, NEXUS_NODE: 'flowpay', NEXUS_URL: host.url };
    const said = await nexus(
      ['send', 'PAYMENT_RECEIVED', '-d', '{"orderId":"h"}', '--scheme', scheme, '--json'],
      { cwd: host.cwd, env },
    );
    expect(ndjson(said.stdout)).toMatchObject([{ seq: 1, duplicate: false }]);
    const [event] = (await host.nexus.events.list({ after: 0, type: 'PAYMENT_RECEIVED' })).items;
    expect(event).toMatchObject({ source: 'flowpay', payload: { orderId: 'h' } });
    const denied = await nexus('send MINT_CONFIRMED', { cwd: host.cwd, env });
    expect(denied).toMatchObject({ code: 4, stdout: '' });
    const wrong = await nexus('send PAYMENT_RECEIVED', {
      cwd: host.cwd,
      env: { ...env, NEXUS_SECRET: 'x'.repeat(32) },
    });
    expect(wrong).toMatchObject({ code: 4, stdout: '' });
    expect(`${denied.stderr}${wrong.stderr}${said.stderr}`).not.toContain(secret);
    expect(
      await nexus('send PAYMENT_RECEIVED', { cwd: host.cwd, env: { ...env, NEXUS_SECRET: '' } }),
    ).toMatchObject({ code: 2 });
  });
});

describe('nexus dead', () => {
  it('drives dead letters again, those that were chosen, once', async () => {
    const host = await startHost();
    await pay(host, 3);
    const at = { cwd: host.cwd };
    const dry = await nexus('dead redrive --reactor stubborn --dry-run --json', at);
    expect(ndjson(dry.stdout)).toHaveLength(3);
    const asked = await nexus('dead redrive --reactor stubborn', at);
    expect(asked).toMatchObject({ code: 4, stdout: '' });
    expect((await host.nexus.deadLetters.list()).items).toHaveLength(3);
    host.mend();
    const done = await nexus('dead redrive --error ECONNREFUSED --limit 2 --yes --json', at);
    expect(ndjson(done.stdout)).toEqual([{ redriven: 2 }]);
    const chosen = ndjson(dry.stdout).slice(0, 2);
    for (const { eventId } of chosen) await host.nexus.settled(String(eventId));
    expect((await host.nexus.stats()).deliveries.dead).toBe(1);
    const [last] = (await host.nexus.deadLetters.list()).items;
    expect((await nexus(`dead discard ${last?.id ?? ''} --yes`, at)).stdout).toBe('1 discarded\n');
    expect(await host.nexus.deliveries.get(last?.id ?? '')).toMatchObject({
      state: 'cancelled',
      reason: 'discarded',
    });
    expect((await nexus('dead redrive --all --yes --json', at)).stdout).toBe('{"redriven":0}\n');
    expect(await nexus('dead redrive --yes', at)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('nexus deliveries', () => {
  it('retries and cancels one', async () => {
    const host = await startHost();
    const { id } = await host.nexus.dispatch(
      'PAYMENT_RECEIVED',
      { orderId: '1' },
      { notBefore: Date.now() + 3_600_000 },
    );
    await host.nexus.dispatch('PAYMENT_RECEIVED', { orderId: '2' }, { notBefore: Date.now() + 3_600_000 });
    const [first, second] = (await host.nexus.deliveries.list({ reactor: 'works' })).items;
    const at = { cwd: host.cwd };
    expect(ndjson((await nexus(`deliveries cancel ${second?.id ?? ''} --json`, at)).stdout)).toMatchObject([
      { state: 'cancelled' },
    ]);
    expect((await nexus(`deliveries retry ${first?.id ?? ''}`, at)).code).toBe(0);
    await host.nexus.settled(id);
    expect((await nexus('deliveries retry 9-9-9', at)).code).toBe(3);
  });
});

describe('nexus reactors', () => {
  it('pauses and resumes one of a running host', async () => {
    const host = await startHost();
    const at = { cwd: host.cwd };
    const paused = await nexus('reactors pause works --json', at);
    expect(ndjson(paused.stdout)).toMatchObject([{ name: 'works', paused: true }]);
    expect((await host.nexus.reactors.list()).find(({ name }) => name === 'works')?.paused).toBe(true);
    expect((await nexus('reactors resume works', at)).stdout).toContain('active');
    await pay(host, 1);
    expect((await nexus('reactors pause nobody', at)).code).toBe(3);
  });

  it('moves and removes one, not without being told to', async () => {
    const host = await startHost();
    await pay(host, 2);
    const at = { cwd: host.cwd };
    for (const line of ['reactors seek works 1', 'reactors remove stubborn'])
      expect(await nexus(line, at), line).toMatchObject({ code: 4, stdout: '' });
    expect(ndjson((await nexus('reactors seek works 1 --yes --json', at)).stdout)).toMatchObject([
      { name: 'works' },
    ]);
    expect((await nexus('reactors seek works 99 --yes', at)).code).toBe(2);
    expect((await nexus('reactors seek works sometime --yes', at)).code).toBe(2);
    expect((await nexus('reactors remove stubborn --yes', at)).stdout).toContain('stubborn removed');
    expect((await host.nexus.reactors.list()).map(({ name }) => name)).toEqual(['works']);
    expect((await nexus('reactors remove stubborn --yes', at)).code).toBe(3);
  });
});

describe('nexus replay', () => {
  it('says what it would be, and has a running host do it', async () => {
    const host = await startHost();
    await pay(host, 3);
    const at = { cwd: host.cwd };
    const dry = await nexus('replay --reactor works --dry-run --json', at);
    expect(ndjson(dry.stdout)).toMatchObject([
      {
        state: 'dry-run',
        reactors: [
          {
            reactor: 'works',
            events: 3,
            before: { once: 3, children: [{ type: 'MINT_REQUESTED', count: 3 }] },
          },
        ],
      },
    ]);
    expect(await nexus('replay --reactor works', at)).toMatchObject({ code: 4, stdout: '' });
    expect((await host.nexus.replays.list()).items).toEqual([]);
    const done = await nexus('replay --reactor works --from 1 --to 4 --yes --json', at);
    expect(ndjson(done.stdout)).toMatchObject([
      { state: 'done', reactors: [{ reactor: 'works', events: 2, dead: 0 }] },
    ]);
    expect((await host.nexus.stats()).head).toBe(6);
    const failing = await nexus('replay --reactor stubborn --yes', at);
    expect(failing.code).toBe(1);
    expect(failing.stdout).toContain('3 dead');
    expect((await nexus('replay --reactor nobody --yes', at)).code).toBe(3);
    expect((await nexus('replay --yes', at)).code).toBe(2);
    expect(ndjson((await nexus('replays list --json', at)).stdout)).toMatchObject([
      { run: 2 },
      { run: 1, state: 'done' },
    ]);
  });

  it('is left to the hosts at Ctrl-C, and can be cancelled', async () => {
    const host = await startHost();
    await pay(host, 2);
    await host.nexus.reactors.pause('works');
    const at = { cwd: host.cwd };
    const watching = startNexus('replay --all --yes', at);
    await watching.said(/Replay|earlier runs/);
    while ((await host.nexus.replays.list({ state: 'running' })).items.length === 0)
      await new Promise((next) => setImmediate(next));
    watching.child.kill('SIGINT');
    expect(await watching.ended).toBe(130);
    expect(watching.output().stderr).toContain('goes on in the hosts');
    const [running] = (await host.nexus.replays.list()).items;
    expect(running?.state).toBe('running');
    expect((await nexus(`replays cancel ${running?.run ?? 0}`, at)).stdout).toBe(
      `replay ${running?.run ?? 0} is cancelled\n`,
    );
    expect((await nexus('replays cancel 77', at)).code).toBe(3);
  });
});

describe('nexus backup and audit', () => {
  it('copies, notes and verifies', async () => {
    const host = await startHost();
    await pay(host, 2);
    const at = { cwd: host.cwd };
    expect((await nexus('backup copy.db', at)).code).toBe(0);
    expect((await nexus('backup copy.db', at)).code).toBe(2);
    expect((await nexus('events --db copy.db --json --all', at)).stdout.split('\n')).toHaveLength(5);
    const noted = await nexus('audit checkpoint --out note.json', at);
    expect(noted).toMatchObject({ code: 0, stdout: '' });
    expect((await nexus('audit checkpoint --out note.json', at)).code).toBe(2);
    await pay(host, 1);
    const fine = await nexus('audit verify --checkpoint note.json --json', at);
    expect(ndjson(fine.stdout)).toMatchObject([{ ok: true, vouchedTo: 4, to: 6 }]);
    const note = JSON.parse(readFileSync(join(host.cwd, 'note.json'), 'utf8')) as object;
    writeFileSync(join(host.cwd, 'other.json'), JSON.stringify({ ...note, hash: 'f'.repeat(64) }));
    const broken = await nexus('audit verify --checkpoint other.json', at);
    expect(broken.code).toBe(1);
    expect(broken.stdout).toContain('NOT whole');
  });
});

describe('nexus nodes', () => {
  const write = (cwd: string): void => {
    writeFileSync(
      join(cwd, 'permissions.json'),
      JSON.stringify({
        nodes: {
          flowpay: { secrets: ['FLOWPAY_SECRET'], dispatch: ['*'] },
          other: { tokens: ['OTHER_TOKEN'] },
        },
      }),
    );
    writeFileSync(
      join(cwd, '.env'),
      'FLOWPAY_SECRET=first-secret-of-flowpay\nOTHER_TOKEN=token-of-the-other-1',
      { mode: 0o644 },
    );
  };
  const files = '--nodes permissions.json --env-file .env';

  it('lists what a file says, without its secrets', async () => {
    const cwd = folder();
    write(cwd);
    const { stdout, stderr } = await nexus(`nodes list ${files} --json`, { cwd });
    expect(ndjson(stdout)).toMatchObject([
      { name: 'flowpay', secrets: [{ active: true }] },
      { name: 'other' },
    ]);
    expect(`${stdout}${stderr}`).not.toMatch(/first-secret|token-of/);
    const lacking = await nexus('nodes list --nodes permissions.json', { cwd });
    expect(lacking).toMatchObject({ code: 2, stdout: '' });
    expect(lacking.stderr).toContain('FLOWPAY_SECRET is not set');
    expect((await nexus('nodes list --nodes nowhere.json', { cwd })).code).toBe(3);
  });

  it('rotates a secret in the files, so that both count for a while', async () => {
    const cwd = folder();
    write(cwd);
    expect(await nexus(`nodes rotate flowpay ${files}`, { cwd })).toMatchObject({ code: 4 });
    const done = await nexus(`nodes rotate flowpay ${files} --grace 48h --yes --json`, { cwd });
    const [rotation] = ndjson(done.stdout);
    expect(rotation).toMatchObject({ variable: 'FLOWPAY_SECRET_2', old: ['FLOWPAY_SECRET'] });
    const env = Object.fromEntries(
      readFileSync(join(cwd, '.env'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ) as Record<string, string>;
    const fresh = env.FLOWPAY_SECRET_2 ?? '';
    expect(fresh).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(`${done.stdout}${done.stderr}`).not.toContain(fresh);
    const nodes = loadPermissions(join(cwd, 'permissions.json'), env);
    expect(nodes.flowpay?.secrets).toEqual([
      { secret: fresh },
      { secret: 'first-secret-of-flowpay', notAfter: rotation?.oldUntil },
    ]);
    expect(statSync(join(cwd, '.env')).mode & 0o077).toBe(0);
    await nexus(`nodes rotate flowpay ${files} --yes`, { cwd });
    expect(JSON.parse(readFileSync(join(cwd, 'permissions.json'), 'utf8'))).toMatchObject({
      nodes: {
        flowpay: { secrets: ['FLOWPAY_SECRET_3', { env: 'FLOWPAY_SECRET_2' }, { env: 'FLOWPAY_SECRET' }] },
      },
    });
    expect(readdirSync(cwd).sort()).toEqual(['.env', 'permissions.json']);
    expect((await nexus(`nodes rotate nobody ${files} --yes`, { cwd })).code).toBe(3);
    expect((await nexus('nodes rotate flowpay --nodes permissions.json --yes', { cwd })).code).toBe(2);
  });
});

describe('nexus migrate', () => {
  it('brings a file of an older schema up to date, which no other verb does', async () => {
    const cwd = folder();
    writeFileSync(
      join(cwd, 'nexus.db'),
      readFileSync(new URL('../storage/fixtures/schema-1.db', import.meta.url)),
    );
    for (const line of ['events', 'reactors pause x', 'send A', 'migrate'])
      expect(await nexus(line, { cwd }), line).toMatchObject({ code: 4, stdout: '' });
    expect((await nexus('migrate --yes', { cwd })).code).toBe(0);
    expect((await nexus('events', { cwd })).code).toBe(0);
  });
});

describe('nexus sign and verify', () => {
  it.each(['nexus', 'standard'])('make and check a %s signature', async (scheme) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'body.json'), '{"a":1}');
    writeFileSync(join(cwd, 'secret'), 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n');
    const by = '--secret-file secret';
    const signed = await nexus(`sign body.json --scheme ${scheme} ${by} --json`, { cwd });
    const headers = Object.entries(ndjson(signed.stdout)[0] ?? {}).flatMap(([name, value]) => [
      '-H',
      `${name}=${String(value)}`,
    ]);
    const check = (input: string): ReturnType<typeof nexus> =>
      nexus(['verify', ...headers, '--secret-file', 'secret'], { cwd, input });
    expect(await check('{"a":1}')).toMatchObject({ code: 0 });
    expect(await check('{"a":2}')).toMatchObject({ code: 1 });
    expect((await nexus(`verify body.json ${by}`, { cwd })).code).toBe(2);
    expect((await nexus('sign body.json', { cwd })).stderr).toContain('NEXUS_SECRET');
  });
});
