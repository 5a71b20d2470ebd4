/** `nexus doctor`: what it looks at, and what it says when that is not well. */
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkClock, checkNode } from '../../src/cli/doctor/check-runtime.js';
import { createOutbox } from '../../src/index.js';
import { openDatabase } from '../support/database.js';
import { adminToken, folder, pay, startHost } from './host.js';
import { ndjson, nexus } from './program.js';

type Found = Record<string, { state: string; says: string; cure?: string }>;
async function doctor(
  line: string,
  cwd: string,
  env: Record<string, string> = {},
): Promise<{ code: number | null; found: Found }> {
  const { code, stdout } = await nexus(`doctor --json ${line}`.trim(), { cwd, env });
  return {
    code,
    found: Object.fromEntries(ndjson(stdout).map(({ about, ...rest }) => [about, rest])) as Found,
  };
}

describe('nexus doctor', () => {
  it('finds a host well', async () => {
    const host = await startHost();
    await pay(host, 1);
    host.mend();
    await host.nexus.deadLetters.discard();
    writeFileSync(join(host.cwd, 'permissions.json'), '{"nodes":{"a":{"tokens":["A_TOKEN"]}}}', {
      mode: 0o600,
    });
    chmodSync(join(host.cwd, 'nexus.db'), 0o600);
    const { code, found } = await doctor(`--nodes permissions.json --deep --url ${host.url}`, host.cwd, {
      A_TOKEN: adminToken,
    });
    expect(code).toBe(0);
    expect(Object.entries(found).filter(([, { state }]) => state !== 'ok')).toEqual([]);
    expect(Object.keys(found)).toEqual([
      'node',
      'sqlite',
      'disk',
      'database',
      'pragmas',
      'pages',
      'clock',
      'nodes',
      'host',
    ]);
  });

  it('says what is not well, and what to do', async () => {
    const host = await startHost();
    await pay(host, 1);
    await host.nexus.reactors.pause('works');
    await host.nexus.dispatch('PAYMENT_RECEIVED', {});
    await host.nexus.close();
    writeFileSync(join(host.cwd, 'permissions.json'), '{"nodes":{"a":{"tokens":["A_TOKEN"]}}}');
    chmodSync(join(host.cwd, 'permissions.json'), 0o666);
    writeFileSync(join(host.cwd, '.env'), 'X=1', { mode: 0o644 });
    const { code, found } = await doctor('--nodes permissions.json --env-file .env', host.cwd);
    expect(code).toBe(1);
    expect(found['dead letters']).toMatchObject({
      state: 'warn',
      cure: expect.stringContaining('nexus dead list') as string,
    });
    expect(found.nodes).toMatchObject({
      state: 'bad',
      says: expect.stringContaining('A_TOKEN is not set') as string,
    });
    expect(found['file modes']?.cure).toBe('chmod 600 .env');
  });

  it('says that there is no database yet, or one that is not ours', async () => {
    const cwd = folder();
    expect((await doctor('', cwd)).found.database).toMatchObject({ state: 'warn' });
    writeFileSync(join(cwd, 'nexus.db'), 'x'.repeat(5_000));
    const { code, found } = await doctor('', cwd);
    expect([code, found.database?.state]).toEqual([1, 'bad']);
    expect((await doctor('--db nowhere/nexus.db', cwd)).found.disk).toMatchObject({ state: 'warn' });
  });

  it('says what synchronous means for an outbox', async () => {
    const cwd = folder();
    const db = openDatabase(join(cwd, 'shop.db'));
    db.exec('PRAGMA journal_mode = WAL');
    createOutbox(db);
    const { code, found } = await doctor('--outbox shop.db', cwd);
    expect(code).toBe(0);
    expect(found.outbox).toMatchObject({
      state: 'warn',
      says: expect.stringContaining('synchronous=NORMAL') as string,
    });
    db.exec('PRAGMA journal_mode = DELETE');
    expect((await doctor('--outbox shop.db', cwd)).found.outbox).toMatchObject({ state: 'ok' });
    expect((await doctor('--outbox other.db', cwd)).code).toBe(1);
  });

  it('says whether a port is free, or a Nexus is on it', async () => {
    const host = await startHost();
    const port = new URL(host.url).port;
    expect((await doctor(`--port ${port}`, host.cwd)).found.port).toMatchObject({
      state: 'ok',
      says: expect.stringContaining('as a Nexus does') as string,
    });
    const mute = createServer((socket) => void socket.destroy());
    await new Promise<void>((listening) => mute.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void mute.close());
    const other = String((mute.address() as AddressInfo).port);
    const taken = await doctor('', host.cwd, { PORT: other });
    expect(taken).toMatchObject({ code: 1, found: { port: { state: 'bad' } } });
  });

  it('judges Node and the clock', () => {
    expect(['20.18.1', '20.19.0', '24.1.0', '18.0.0'].map((version) => checkNode(version).state)).toEqual([
      'bad',
      'ok',
      'ok',
      'bad',
    ]);
    const now = Date.UTC(2026, 0, 31);
    expect(
      [checkClock(now, now), checkClock(now, now + 3_600_000), checkClock(0, undefined)].map(
        ({ state }) => state,
      ),
    ).toEqual(['ok', 'bad', 'bad']);
  });
});
