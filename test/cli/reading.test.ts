/** Verbs that read, on the database of a running host and over HTTP. */
import { chmodSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adminToken, folder, pay, readerToken, startHost, type Host } from './host.js';
import { ndjson, nexus, program, start, startNexus } from './program.js';

/** The same question to the file and to the host. */
const ways = (host: Host): { name: string; args: string; env: Record<string, string> }[] => [
  { name: 'file', args: '', env: {} },
  { name: 'http', args: ` --url ${host.url}`, env: { NEXUS_TOKEN: adminToken } },
];

describe('nexus events', () => {
  it('gives the same events of a file and of a host, the newest first', async () => {
    const host = await startHost();
    await pay(host, 3);
    const all = [];
    for (const { args, env } of ways(host)) {
      const { code, stdout } = await nexus(`events --json --limit 4${args}`, { cwd: host.cwd, env });
      expect(code).toBe(0);
      all.push(
        ndjson(stdout).map(({ id, seq, type, payload, correlationId }) => ({
          id,
          seq,
          type,
          payload,
          correlationId,
        })),
      );
    }
    expect(all[0]?.map(({ seq }) => seq)).toEqual([6, 5, 4, 3]);
    expect(all[1]).toEqual(all[0]);
  });

  it('filters, and pages through everything', async () => {
    const host = await startHost();
    await host.nexus.dispatchMany(
      Array.from({ length: 700 }, (_, i) => ({ type: i % 7 === 0 ? 'A' : 'B', payload: { i } })),
    );
    for (const { args, env } of ways(host)) {
      const { stdout } = await nexus(`events --after 0 --all --type A --json${args}`, { cwd: host.cwd, env });
      const events = ndjson(stdout);
      expect(events).toHaveLength(100);
      expect(events.every(({ type }) => type === 'A')).toBe(true);
      expect(events.map(({ seq }) => seq as number)).toEqual([...Array(100).keys()].map((i) => i * 7 + 1));
    }
  });

  it('shows a node what it may read, and says what it may not', async () => {
    const host = await startHost();
    await pay(host, 2);
    const env = { NEXUS_TOKEN: readerToken };
    const some = await nexus(`events --json --url ${host.url}`, { cwd: host.cwd, env });
    expect(ndjson(some.stdout).map(({ type }) => type)).toEqual(['MINT_REQUESTED', 'MINT_REQUESTED']);
    const denied = await nexus(`events --type PAYMENT_RECEIVED --url ${host.url}`, { cwd: host.cwd, env });
    expect(denied).toMatchObject({ code: 4, stdout: '' });
    expect(denied.stderr).toContain('403 NEXUS_PERMISSION_DENIED');
    const stranger = await nexus(`events --url ${host.url} --json`, { cwd: host.cwd });
    expect(stranger.code).toBe(4);
    expect(ndjson(stranger.stderr)).toEqual([
      {
        error: {
          code: 'NEXUS_UNAUTHENTICATED',
          message: expect.stringContaining('no token: NEXUS_TOKEN') as string,
        },
      },
    ]);
  });

  it('lets no text of others at the terminal', async () => {
    const host = await startHost();
    await host.nexus.dispatch('ODD', { text: 'a\u001b[2J\u009b31m\u202egnp.exe\u2028' });
    for (const json of ['', ' --json']) {
      const { stdout } = await nexus(`events${json}`, { cwd: host.cwd, env: { FORCE_COLOR: '' } });
      // eslint-disable-next-line no-control-regex -- that is what must not come
      expect(stdout).not.toMatch(/[\u001b\u009b\u202e\u2028]/);
      expect(stdout).toContain('\\u009b31m');
    }
    const { stdout } = await nexus('events --json', { cwd: host.cwd });
    expect(ndjson(stdout)[0]?.payload).toEqual({ text: 'a\u001b[2J\u009b31m\u202egnp.exe\u2028' });
  });
});

describe('nexus explain', () => {
  it('draws the trace as a tree', async () => {
    const host = await startHost();
    const [id = ''] = await pay(host, 1);
    const { code, stdout } = await nexus(`explain ${id}`, { cwd: host.cwd });
    expect(code).toBe(0);
    const shape = stdout
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
      .replace(/\d{4}-\S+ \S+Z/g, 'WHEN')
      .replace(/[\d.]+ m?s\b/g, 'TIME');
    expect(shape).toMatchInlineSnapshot(`
      "PAYMENT_RECEIVED #1 ID from nexus at WHEN
      {"orderId":"o-1"}
      ├─ works succeeded 1 attempt, TIME 1-0-1
      └─ ▸ MINT_REQUESTED #2 ID from nexus at WHEN
         └─ stubborn dead 1 attempt, TIME, attempts_spent 2-0-2
            └─ attempt 1 dead WHEN TIME ECONNREFUSED: no \\u001b[31mroute\\u009b to the factory
      "
    `);
  });

  it('tells an admin over HTTP what the file tells', async () => {
    const host = await startHost();
    const [id = ''] = await pay(host, 1);
    const [file, http, reader] = await Promise.all([
      nexus(`explain ${id} --json`, { cwd: host.cwd }),
      nexus(`explain ${id} --json --url ${host.url}`, { cwd: host.cwd, env: { NEXUS_TOKEN: adminToken } }),
      nexus(`explain ${id} --url ${host.url}`, { cwd: host.cwd, env: { NEXUS_TOKEN: readerToken } }),
    ]);
    const [ofFile, ofHttp] = [ndjson(file.stdout)[0], ndjson(http.stdout)[0]];
    expect(ofFile).toMatchObject({
      event: { id },
      deliveries: [{ reactor: 'works', state: 'succeeded' }],
      children: [
        {
          deliveries: [
            { reactor: 'stubborn', state: 'dead', attempts: [{ error: { code: 'ECONNREFUSED' } }] },
          ],
        },
      ],
    });
    expect(ofHttp).toMatchObject({
      event: { id },
      children: [
        {
          deliveries: [
            { attempts: [{ error: { message: expect.stringContaining('to the factory') as string } }] },
          ],
        },
      ],
    });
    expect(reader).toMatchObject({ code: 3, stdout: '' });
  });

  it('says with 3 that there is no such event', async () => {
    const host = await startHost();
    const id = '00000000-0000-7000-8000-000000000000';
    for (const { args, env } of ways(host))
      expect(await nexus(`explain ${id}${args}`, { cwd: host.cwd, env })).toMatchObject({
        code: 3,
        stdout: '',
      });
  });
});

describe('nexus tail', () => {
  it('shows the last ones, then what comes, of a file and of a host', async () => {
    const host = await startHost();
    await pay(host, 3);
    for (const { args, env } of ways(host)) {
      const tail = startNexus(`tail --last 2 --json${args}`, { cwd: host.cwd, env });
      await tail.said(/following from seq \d+/);
      const { seq } = await host.nexus.dispatch('PAYMENT_FAILED', { orderId: args });
      await tail.said(new RegExp(`"seq":${seq}\\b`));
      tail.child.kill('SIGINT');
      expect(await tail.ended).toBe(130);
      const shown = ndjson(tail.output().stdout).map((event) => event.seq);
      expect(shown).toEqual([seq - 2, seq - 1, seq]);
    }
  });

  it('filters, and ends after a count', async () => {
    const host = await startHost();
    for (const { args, env } of ways(host)) {
      const head = (await host.nexus.stats()).head;
      const tail = startNexus(`tail --after ${head} --type B --source nexus --count 2 --json${args}`, {
        cwd: host.cwd,
        env,
      });
      await tail.said(/following/);
      for (const type of ['A', 'B', 'A', 'B', 'B']) await host.nexus.dispatch(type, {});
      expect(await tail.ended).toBe(0);
      expect(ndjson(tail.output().stdout).map(({ seq }) => seq)).toEqual([head + 2, head + 4]);
    }
  });

  it('ends with 0, and silently, when nobody reads it any more', async () => {
    const host = await startHost();
    await host.nexus.dispatchMany(Array.from({ length: 500 }, (_, i) => ({ type: 'A', payload: { i } })));
    for (const { name, args, env } of ways(host)) {
      const line = `${process.execPath} ${program()} tail --last 500${args} | head -n 2; echo "codes \${PIPESTATUS[*]}" >&2`;
      const shell = start('bash', ['-c', line], { cwd: host.cwd, env });
      // What comes after the pipe is closed is what tells it.
      const more = setInterval(() => void host.nexus.dispatch('A', {}), 50);
      try {
        expect(await shell.ended, name).toBe(0);
      } finally {
        clearInterval(more);
      }
      expect(shell.output().stdout.split('\n'), name).toHaveLength(3);
      expect(shell.output().stderr.replace(/following.*\n/, ''), name).toBe('codes 0 0\n');
    }
  });
});

describe('a database that is only looked at', () => {
  it('gets no lease, no file and no change', async () => {
    const host = await startHost();
    await pay(host, 1);
    await host.nexus.close();
    const before = readdirSync(host.cwd).sort();
    const bytes = statSync(join(host.cwd, 'nexus.db'));
    chmodSync(join(host.cwd, 'nexus.db'), 0o444);
    for (const line of [
      'events',
      'deliveries',
      'dead list',
      'reactors list',
      'replays list',
      'health',
      'audit verify',
    ])
      expect(await nexus(line, { cwd: host.cwd }), line).toMatchObject({ code: 0 });
    const after = statSync(join(host.cwd, 'nexus.db'));
    expect([after.mtimeMs, after.size]).toEqual([bytes.mtimeMs, bytes.size]);
    expect(
      readdirSync(host.cwd)
        .filter((name) => !/-(wal|shm)$/.test(name))
        .sort(),
    ).toEqual(before);
  });

  it('is not made by asking for it', async () => {
    const cwd = folder();
    for (const line of [
      'events',
      'tail',
      'deliveries',
      'dead list',
      'reactors list',
      'reactors pause x',
      'send A',
      'migrate --yes',
      'backup copy.db',
    ])
      expect(await nexus(line, { cwd }), line).toMatchObject({ code: 3, stdout: '' });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('is refused with 4 where it is not ours', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'nexus.db'), 'x'.repeat(5_000));
    expect(await nexus('events', { cwd })).toMatchObject({ code: 4 });
    expect(await nexus('reactors pause x', { cwd })).toMatchObject({ code: 4 });
    expect(existsSync(join(cwd, 'nexus.db-wal'))).toBe(false);
  });
});

describe('nexus deliveries, dead list, reactors list, replays list, health', () => {
  it('list what there is', async () => {
    const host = await startHost();
    const [id = ''] = await pay(host, 2);
    const at = { cwd: host.cwd };
    const of = await nexus(`deliveries --event ${id} --json`, at);
    expect(ndjson(of.stdout)).toMatchObject([{ reactor: 'works', state: 'succeeded', eventId: id }]);
    const dead = await nexus('dead list --reactor stubborn --error ECONNREFUSED --json', at);
    expect(ndjson(dead.stdout)).toHaveLength(2);
    expect((await nexus('dead list --error OTHER', at)).stderr).toBe('no dead letters\n');
    const reactors = ndjson((await nexus('reactors list --json', at)).stdout);
    expect(reactors).toMatchObject([
      { name: 'stubborn', lag: 0, counts: { dead: 2 } },
      { name: 'works', lag: 0, counts: { succeeded: 2 } },
    ]);
    const health = ndjson((await nexus('health --json', at)).stdout);
    expect(health).toMatchObject([{ status: 'ok', head: 4, deliveries: { dead: 2 } }]);
    const remote = await nexus(`health --url ${host.url} --json`, at);
    expect(ndjson(remote.stdout)).toMatchObject([{ status: 'ok', head: 4 }]);
    expect(await nexus('replays list', at)).toMatchObject({ code: 0, stderr: 'no replays\n' });
  });

  it('say with 5 that nobody answers', async () => {
    const host = await startHost();
    for (const line of ['health', 'events', 'tail', 'explain x', 'doctor'])
      expect(await nexus(`${line} --url http://127.0.0.1:1`, { cwd: host.cwd }), line).toMatchObject({
        code: line === 'doctor' ? 1 : 5,
      });
  });
});
