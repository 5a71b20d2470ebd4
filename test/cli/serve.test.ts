/** `nexus serve`: configuration, signals, and what becomes of work at the end. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkConfig } from '../../src/cli/serve/config.js';
import { createNexus } from '../../src/index.js';
import { proveServe } from '../../proof/serve.js';
import { folder } from './host.js';
import { ndjson, nexus, program, startNexus, type Running } from './program.js';

const secrets = { FLOWPAY_SECRET: 'first-secret-of-flowpay', ADMIN_TOKEN: 'token-of-the-admin-0123' };

function service(config: object = {}): string {
  const cwd = folder();
  mkdirSync(join(cwd, 'reactors'));
  writeFileSync(
    join(cwd, 'reactors', 'mint.mjs'),
    `export default { name: 'mint', on: 'PAYMENT_RECEIVED', handler: (payment, ctx) => { ctx.dispatch('MINT_REQUESTED', { orderId: payment.orderId }); } };`,
  );
  writeFileSync(
    join(cwd, 'permissions.json'),
    JSON.stringify({
      nodes: {
        flowpay: { secrets: ['FLOWPAY_SECRET'], dispatch: ['PAYMENT_RECEIVED'], subscribe: ['*'] },
        admin: { tokens: ['ADMIN_TOKEN'], subscribe: ['*'], admin: true },
      },
    }),
  );
  writeFileSync(
    join(cwd, '.env'),
    Object.entries(secrets)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  writeFileSync(
    join(cwd, 'nexus.config.json'),
    JSON.stringify({
      nodes: 'permissions.json',
      envFile: '.env',
      reactors: 'reactors',
      port: 0,
      metrics: true,
      ...config,
    }),
  );
  return cwd;
}

async function started(cwd: string, env?: Record<string, string>): Promise<Running & { url: string }> {
  const running = startNexus('serve', { cwd, ...(env && { env }) });
  const [, url = ''] = await running.said(/"url":"([^"]+)"/);
  return { ...running, url };
}

async function post(url: string, secret: string, orderId: string): Promise<Response> {
  const body = JSON.stringify({ event: 'PAYMENT_RECEIVED', payload: { orderId } });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return await fetch(`${url}/events`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-nexus-node': 'flowpay',
      'x-nexus-signature': signature,
    },
  });
}

describe('nexus serve', () => {
  it('serves events, reactors, health, metrics and the live log, and ends with 0 at SIGTERM', async () => {
    const cwd = service();
    const { url, child, ended, output } = await started(cwd);
    expect((await post(url, secrets.FLOWPAY_SECRET, 'o-1')).status).toBe(202);
    expect((await post(url, 'another-secret-0123456789', 'o-2')).status).toBe(401);
    for (const path of ['/health', '/health/live', '/health/ready'])
      expect((await fetch(url + path)).status, path).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('nexus_');
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
    const tail = await nexus(`tail --url ${url} --count 2 --after 0 --json`, {
      cwd,
      env: { NEXUS_TOKEN: secrets.ADMIN_TOKEN },
    });
    expect(ndjson(tail.stdout).map(({ type }) => type)).toEqual(['PAYMENT_RECEIVED', 'MINT_REQUESTED']);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    const lines = ndjson(output().stdout);
    expect(lines.at(-1)).toMatchObject({ msg: 'ended', unrecorded: 0, cut: 0 });
    for (const secret of Object.values(secrets)) expect(output().stdout).not.toContain(secret);
  });

  it('has reasons for its health for an admin alone', async () => {
    const { url } = await started(service());
    const ask = async (token?: string): Promise<Record<string, unknown>> =>
      (await (
        await fetch(
          `${url}/health/ready`,
          token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
        )
      ).json()) as Record<string, unknown>;
    expect(await ask()).toEqual({ status: 'ok', head: 0, reasons: 0 });
    expect(await ask(secrets.ADMIN_TOKEN)).toMatchObject({ status: 'ok', reasons: [], stats: { head: 0 } });
    expect(
      (await fetch(`${url}/health/ready`, { headers: { authorization: 'Bearer wrong-token-0123456789' } }))
        .status,
    ).toBe(401);
  });

  it('takes PORT, HOST, NEXUS_DB and LOG_LEVEL from the environment', async () => {
    const cwd = service({ logLevel: 'silent' });
    const { url, child, ended } = await started(cwd, {
      HOST: '127.0.0.1',
      PORT: '0',
      NEXUS_DB: join(cwd, 'other.db'),
      LOG_LEVEL: 'info',
    });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect((await nexus('health --db other.db', { cwd })).code).toBe(0);
  });

  it('reads nodes and variables again at SIGHUP, and keeps what it has where they are wrong', async () => {
    const cwd = service();
    const { url, child, said } = await started(cwd);
    expect(
      (await nexus('nodes rotate flowpay --nodes permissions.json --env-file .env --yes', { cwd })).code,
    ).toBe(0);
    const fresh = /FLOWPAY_SECRET_2=(\S+)/.exec(readFileSync(join(cwd, '.env'), 'utf8'))?.[1] ?? '';
    expect((await post(url, fresh, 'a')).status).toBe(401);
    child.kill('SIGHUP');
    await said(/read the nodes again/);
    expect((await post(url, fresh, 'b')).status).toBe(202);
    expect((await post(url, secrets.FLOWPAY_SECRET, 'c')).status).toBe(202);
    writeFileSync(join(cwd, 'permissions.json'), '{"nodes":{"flowpay":{"secrets":["NOT_SET"]}}}');
    child.kill('SIGHUP');
    await said(/could not be read again/);
    expect((await post(url, fresh, 'd')).status).toBe(202);
  });

  it('ends at once at the second signal', async () => {
    const cwd = service();
    writeFileSync(
      join(cwd, 'reactors', 'slow.mjs'),
      `export default { name: 'slow', on: 'PAYMENT_RECEIVED', handler: () => new Promise(() => {}) };`,
    );
    const { url, child, ended, said } = await started(cwd);
    await post(url, secrets.FLOWPAY_SECRET, 'o-1');
    child.kill('SIGTERM');
    await said(/ending; a second signal/);
    child.kill('SIGTERM');
    expect(await ended).toBe(143);
  });

  it('answers what was on its way', async () => {
    const { url, child, ended, said } = await started(service());
    const body = JSON.stringify({ event: 'PAYMENT_RECEIVED', payload: { orderId: 'on-its-way' } });
    const sending = request(`${url}/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-nexus-node': 'flowpay',
        'x-nexus-signature': createHmac('sha256', secrets.FLOWPAY_SECRET).update(body).digest('hex'),
        expect: '100-continue',
      },
    });
    sending.flushHeaders();
    await once(sending, 'continue');
    child.kill('SIGTERM');
    await said(/ending/);
    sending.end(body);
    const [response] = (await once(sending, 'response')) as [IncomingMessage];
    response.resume();
    expect([response.statusCode, response.headers.connection]).toEqual([202, 'close']);
    expect(await ended).toBe(0);
  });

  it('is not kept by a handler that hangs: it ends within its grace, and the delivery is not spent', async () => {
    const cwd = service({ graceMs: 2_500 });
    writeFileSync(
      join(cwd, 'reactors', 'slow.mjs'),
      `export default { name: 'slow', on: 'PAYMENT_RECEIVED', handler: () => new Promise(() => {}) };`,
    );
    const { url, child, ended, output } = await started(cwd);
    await post(url, secrets.FLOWPAY_SECRET, 'o-1');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(ndjson(output().stdout).at(-1)).toMatchObject({ msg: 'ended', interrupted: 1 });
    const left = await nexus('deliveries --reactor slow --json', { cwd });
    expect(ndjson(left.stdout)).toMatchObject([{ state: 'pending', attempt: 0 }]);
  });

  it('says that it is not ready while it still takes what comes', async () => {
    const { url, child, ended, said } = await started(service({ drainDelayMs: 1_500, graceMs: 6_000 }));
    child.kill('SIGTERM');
    await said(/ending/);
    const ready = await fetch(`${url}/health/ready`);
    expect([ready.status, (await fetch(`${url}/health/live`)).status]).toEqual([503, 200]);
    expect((await post(url, secrets.FLOWPAY_SECRET, 'late')).status).toBe(202);
    expect(await ended).toBe(0);
  });

  it('checks everything without opening anything', async () => {
    const cwd = service();
    expect(await nexus('serve --check', { cwd })).toMatchObject({
      code: 0,
      stdout: 'the configuration is right\n',
    });
    expect((await nexus('health', { cwd })).code).toBe(3);
  });

  it.each<[string, (cwd: string) => void, number, RegExp]>([
    ['no configuration', (cwd) => writeFileSync(join(cwd, 'nexus.config.json'), ''), 2, /JSON/],
    [
      'an option that is not there',
      (cwd) => writeFileSync(join(cwd, 'nexus.config.json'), '{"prot":1}'),
      2,
      /no option .+prot/,
    ],
    [
      'no folder of reactors',
      (cwd) => writeFileSync(join(cwd, 'nexus.config.json'), '{"reactors":"none"}'),
      3,
      /no folder of reactors/,
    ],
    [
      'a reactor that is none',
      (cwd) => writeFileSync(join(cwd, 'reactors', 'bad.mjs'), 'export const x = 1;'),
      2,
      /bad\.mjs/,
    ],
    [
      'no file of nodes',
      (cwd) => writeFileSync(join(cwd, 'nexus.config.json'), '{"nodes":"none.json"}'),
      3,
      /no file of nodes/,
    ],
    [
      'a variable that is not set',
      (cwd) => writeFileSync(join(cwd, '.env'), ''),
      2,
      /FLOWPAY_SECRET is not set/,
    ],
    [
      'a secret in the place of a name',
      (cwd) => writeFileSync(join(cwd, 'nexus.config.json'), '{"metrics":{"tokenEnv":"s3cr3t-token"}}'),
      2,
      /name of an environment variable/,
    ],
    [
      'an unset token of the metrics',
      (cwd) =>
        writeFileSync(
          join(cwd, 'nexus.config.json'),
          '{"metrics":{"tokenEnv":"METRICS_TOKEN"},"database":":memory:"}',
        ),
      2,
      /METRICS_TOKEN is not set/,
    ],
    [
      'a port that is none',
      (cwd) => writeFileSync(join(cwd, 'nexus.config.json'), '{"port":99999}'),
      2,
      /port must be a whole number/,
    ],
  ])('refuses %s', async (_name, spoil, code, reason) => {
    const cwd = service();
    spoil(cwd);
    const ran = await nexus('serve --json', { cwd });
    expect(ran).toMatchObject({ code });
    expect(ran.stderr).toMatch(reason);
    expect(ran.stderr).not.toContain('s3cr3t-token');
    expect(ndjson(ran.stderr.split('\n').at(-2) ?? '')[0]).toHaveProperty('error.code');
  });

  it('says that its port is taken, and closes what it had opened', async () => {
    const taken = createServer();
    await new Promise<void>((listening) => taken.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void taken.close());
    const cwd = service();
    const ran = await nexus('serve', { cwd, env: { PORT: String((taken.address() as AddressInfo).port) } });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('EADDRINUSE');
    expect((await nexus('health', { cwd })).code).toBe(0);
  });

  it('names all that is wrong with a configuration at once', () => {
    const wrong = {
      port: 'x',
      graceMs: 1,
      setup: 1,
      alerts: {},
      ws: true,
      metrics: { token: 'x' },
      nonsense: 1,
    };
    expect(() => checkConfig(wrong, 'c')).toThrow(/port.*graceMs.*setup.*alerts.*ws.*metrics.*nonsense/);
    expect(() => checkConfig({ graceMs: 2_000, drainDelayMs: 1_500 }, 'c')).toThrow(/half/);
    expect(checkConfig({ port: 1, ws: false }, 'c')).toEqual({ port: 1, ws: false });
  });
});

describe('the end of a busy service', () => {
  it('loses no event that it accepted, and spends no attempt', async () => {
    const report = await proveServe({ program: program(), seconds: 2, perSecond: 100, sockets: 20 });
    expect(report).toMatchObject({
      code: 0,
      lost: 0,
      unexpected: 0,
      burned: 0,
      socketsOpen: 0,
      withinGrace: true,
    });
    expect(report.accepted).toBeGreaterThan(50);
  }, 60_000);
});

describe('nexus endpoints', () => {
  it('lists, tests, disables and enables those of a running host', async () => {
    const { createServer: createHttpServer } = await import('node:http');
    const receiver = createHttpServer((request, response) => {
      request.resume();
      response.writeHead(request.headers['x-nexus-event'] === undefined ? 400 : 204).end();
    });
    await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void receiver.close());
    const { port } = receiver.address() as AddressInfo;
    const cwd = folder();
    const secret = 'secret-of-the-receiver-1';
    const webhook = { url: `http://127.0.0.1:${port}/hook`, allowPrivateNetwork: true };
    writeFileSync(
      join(cwd, 'permissions.json'),
      JSON.stringify({ nodes: { shop: { secrets: ['SHOP_SECRET'], subscribe: ['A'], webhook } } }),
    );
    writeFileSync(join(cwd, '.env'), `SHOP_SECRET=${secret}\n`);
    chmodSync(join(cwd, '.env'), 0o600);
    const host = createNexus({
      storage: join(cwd, 'nexus.db'),
      logger: false,
      nodes: { shop: { secrets: [secret], subscribe: ['A'], webhook } },
    });
    onTestFinished(async () => {
      await host.close();
    });
    const { id } = await host.dispatch('A', {});
    await host.settled(id);
    const files = '--nodes permissions.json --env-file .env';
    const listed = await nexus(`endpoints list ${files} --json`, { cwd });
    expect(ndjson(listed.stdout)).toMatchObject([
      { node: 'shop', state: 'enabled', counts: { succeeded: 1 } },
    ]);
    expect((await nexus(`endpoints test shop ${files} --json`, { cwd })).stdout).toMatch(
      /"ok":true,"status":204/,
    );
    // A list of nodes that is not quite the host's: to run its reactor here would change what that is subscribed to.
    writeFileSync(
      join(cwd, 'permissions.json'),
      JSON.stringify({ nodes: { shop: { secrets: ['SHOP_SECRET'], subscribe: ['A', 'B'], webhook } } }),
    );
    expect((await nexus(`endpoints disable shop ${files}`, { cwd })).stdout).toContain('disabled (operator)');
    expect((await host.endpoints.list())[0]?.state).toBe('disabled');
    expect((await nexus(`endpoints enable shop ${files}`, { cwd })).stdout).toContain('enabled');
    expect((await host.endpoints.list())[0]?.state).toBe('enabled');
    receiver.close();
    receiver.closeAllConnections();
    expect((await nexus(`endpoints test shop ${files}`, { cwd })).code).toBe(1);
    expect((await nexus(`endpoints test nobody ${files}`, { cwd })).code).toBe(3);
    expect(`${listed.stdout}${listed.stderr}`).not.toContain(secret);
    expect((await host.reactors.list())[0]).toMatchObject({ generation: 1, types: ['A'] });
  });
});
