/** What can come between the command line and a host: limits, permissions, cuts, and what is no Nexus. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpHandler, type HttpHandlerOptions } from '../../src/http/index.js';
import { deferred } from '../support/bus.js';
import { adminToken, folder, pay, readerToken, startHost, type Host } from './host.js';
import { ndjson, nexus, startNexus } from './program.js';

const env = { NEXUS_TOKEN: adminToken };

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The same host, behind another handler. */
const behind = async ({ nexus: bus }: Host, options: HttpHandlerOptions): Promise<string> =>
  await listen(createHttpHandler(bus, { nodeRateLimit: false, ...options }));

describe('over HTTP', () => {
  it('says what is in the way: no admin, no token, no such routes', async () => {
    const host = await startHost();
    await pay(host, 1);
    const { cwd } = host;
    for (const line of [
      'reactors pause works',
      'dead discard --all --yes',
      'audit checkpoint',
      'nodes list',
    ]) {
      const reader = await nexus(`${line} --url ${host.url}`, { cwd, env: { NEXUS_TOKEN: readerToken } });
      expect(reader, line).toMatchObject({ code: 4, stdout: '' });
      expect(reader.stderr).toContain('the node reader is no admin [403 NEXUS_PERMISSION_DENIED]');
      const nobody = await nexus(`${line} --url ${host.url}`, { cwd });
      expect([nobody.code, nobody.stderr], line).toEqual([
        4,
        expect.stringContaining('no token: NEXUS_TOKEN'),
      ]);
    }
    for (const url of [
      await behind(host, {}),
      await listen((_, response) => void response.writeHead(404).end('<h1>Not here</h1>')),
    ])
      for (const line of ['reactors list', 'dead discard 1-0-1 --yes', 'replays cancel 1', 'audit verify']) {
        const off = await nexus(`${line} --url ${url}`, { cwd, env });
        expect(off, line).toMatchObject({ code: 4, stdout: '' });
        expect(off.stderr).toContain('needs admin: true');
      }
    expect((await host.nexus.stats()).deliveries.dead).toBe(1);
    expect((await host.nexus.reactors.list()).some(({ paused }) => paused)).toBe(false);
  });

  it('waits where it is told that it was too much', async () => {
    const host = await startHost();
    await pay(host, 2);
    const url = await behind(host, { admin: true, rateLimit: { perSecond: 2, burst: 1 } });
    const dead = await nexus(`dead redrive --all --yes --json --url ${url}`, { cwd: host.cwd, env });
    expect(dead).toMatchObject({ code: 0, stdout: '{"redriven":2}\n' });
    const slow = await behind(host, { admin: true, rateLimit: { perSecond: 0.01, burst: 1 } });
    await nexus(`reactors list --url ${slow}`, { cwd: host.cwd, env });
    const refused = await nexus(`reactors list --url ${slow}`, { cwd: host.cwd, env });
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('429 NEXUS_RATE_LIMITED')]);
  });

  it('drives more dead letters again than one request takes, each once', async () => {
    const host = await startHost();
    await host.nexus.dispatchMany(
      Array.from({ length: 1_000 }, (_, n) => ({ type: 'MINT_REQUESTED', payload: { n } })),
    );
    const { id } = await host.nexus.dispatch('MINT_REQUESTED', {});
    await host.nexus.settled(id);
    await host.nexus.idle();
    // They die again at once: whoever asked for "all of them" until none is left would never come to an end.
    const ran = await nexus(`dead redrive --all --yes --json --url ${host.url}`, { cwd: host.cwd, env });
    expect(ndjson(ran.stdout)).toEqual([{ redriven: 1_001 }]);
  });

  it('names what has an odd name', async () => {
    const host = await startHost();
    const name = 'a/b,c%2F ü?#';
    host.nexus.onEvent('X', { name }, () => undefined);
    await host.nexus.dispatch('X', {});
    const at = { cwd: host.cwd, env: { ...env, NEXUS_URL: host.url } };
    expect(ndjson((await nexus(['reactors', 'pause', name, '--json'], at)).stdout)).toMatchObject([
      { name, paused: true },
    ]);
    expect((await nexus(['reactors', 'remove', name, '--yes'], at)).code).toBe(0);
    expect((await host.nexus.reactors.list()).map((each) => each.name)).toEqual(['stubborn', 'works']);
  });

  it('means the file where --db or --nodes is typed, whatever NEXUS_URL says', async () => {
    const host = await startHost();
    const at = { cwd: host.cwd, env: { ...env, NEXUS_URL: 'http://127.0.0.1:1' } };
    expect((await nexus('reactors list', at)).code).toBe(5);
    expect((await nexus('reactors list --db nexus.db', at)).code).toBe(0);
    expect((await nexus('nodes list --nodes nowhere.json', at)).code).toBe(3);
    expect((await nexus(`reactors list --db nexus.db --url ${host.url}`, at)).code).toBe(0);
  });

  it.each([
    ['cut off', '{"progress":{"done":1,"total":2}}\n', 5, 'cut off'],
    ['a problem', '{"problem":{"status":503,"code":"NEXUS_CLOSED","detail":"closing"}}\n', 5, 'closing'],
    ['a report', '{"report":{"ok":true,"checkpoints":{}}}\n', 0, ''],
  ])('takes lines that end with %s for what they are', async (_name, lines, code, says) => {
    const url = await listen((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      // In pieces that end anywhere.
      response.write(lines.slice(0, 10));
      setTimeout(() => {
        if (code === 5 && !lines.includes('problem'))
          response.write(lines.slice(10), () => response.destroy());
        else response.end(lines.slice(10));
      }, 20);
    });
    const ran = await nexus(`audit verify --json --url ${url}`, { cwd: folder(), env });
    expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(says)]);
  });

  it('ends at Ctrl-C while a verification is under way, and the host ends it too', async () => {
    const asked = deferred();
    const left = deferred();
    const url = await listen((request, response) => {
      request.resume();
      response.on('close', () => left.resolve());
      asked.resolve();
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write('{"progress":{"done":1,"total":2}}\n');
    });
    const verifying = startNexus(`audit verify --url ${url}`, { cwd: folder(), env });
    await asked.promise;
    verifying.child.kill('SIGINT');
    expect(await verifying.ended).toBe(130);
    await left.promise;
  });
});
