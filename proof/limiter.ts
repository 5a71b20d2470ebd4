/** The limiter: equal to a plain token bucket, small for a million addresses, and not to be fooled behind a real proxy. */
import { spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRateLimiter } from '../src/http/rate-limiter.js';
import { startIngressHost } from './ingress-host.js';
import { openWire } from './wire.js';

const seed = (): [number, number] => [randomInt(2 ** 32), randomInt(2 ** 32)];

/** Random arrivals of a few clients, against a bucket that is filled and emptied as one would by hand. */
export function proveLimiterModel({ patterns }: { patterns: number }): {
  patterns: number;
  arrivals: number;
  different: number;
} {
  const report = { patterns, arrivals: 0, different: 0 };
  for (let pattern = 0; pattern < patterns; pattern++) {
    const perSecond = randomInt(1, 50);
    const burst = randomInt(1, 40);
    const limiter = createRateLimiter({ perSecond, burst }, { seed: seed() });
    const clients = randomInt(1, 6);
    // In thousandths of a request, so that the model does not round either.
    const buckets = new Map<number, { level: number; at: number }>();
    let now = randomInt(1, 1_000_000);
    const longest = randomInt(1, 400);
    for (let i = randomInt(20, 120); i > 0; i--) {
      now += randomInt(4) === 0 ? randomInt(0, longest * 10) : randomInt(0, longest);
      const client = randomInt(clients);
      const bucket = buckets.get(client) ?? { level: burst * 1_000, at: now };
      const level = Math.min(burst * 1_000, bucket.level + (now - bucket.at) * perSecond);
      const allowed = level >= 1_000;
      buckets.set(client, { level: allowed ? level - 1_000 : level, at: now });
      const waitMs = limiter.take(0, client, now);
      const expected = allowed ? 0 : (1_000 - level) / perSecond;
      report.arrivals += 1;
      if (waitMs !== expected) report.different += 1;
    }
  }
  return report;
}

export type LimiterMemory = {
  addresses: number;
  memoryMiB: number;
  capacity: number;
  offenderAllowed: number;
  perSecond: number;
};

/** In a process of its own, whose memory nothing else has used before. */
export function proveLimiterMemory({ addresses }: { addresses: number }): LimiterMemory {
  const script = fileURLToPath(new URL('./children/limiter.ts', import.meta.url));
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', script, String(addresses)], {
    encoding: 'utf8',
  });
  return JSON.parse(stdout) as LimiterMemory;
}

/** So many addresses at one instant, before and after which clients that have used up their buckets ask again. */
export function fillLimiter({ addresses }: { addresses: number }): LimiterMemory {
  const used = (): number => process.memoryUsage().rss;
  const before = used();
  const limiter = createRateLimiter({ perSecond: 10, burst: 20 }, { seed: seed() });
  const offenders = Array.from({ length: 50 }, () => [randomInt(2 ** 32), randomInt(2 ** 32)] as const);
  const now = 1_000_000;
  for (const [high, low] of offenders) for (let i = 0; i < 21; i++) limiter.take(high, low, now);
  let peak = 0;
  let offenderAllowed = 0;
  const began = performance.now();
  for (let i = 0; i < addresses; i++) {
    limiter.take(0x20010db8, i, now);
    if (i % 4_096 !== 0) continue;
    peak = Math.max(peak, used() - before);
    for (const [high, low] of offenders) if (limiter.take(high, low, now) === 0) offenderAllowed += 1;
  }
  const seconds = (performance.now() - began) / 1_000;
  return {
    addresses,
    memoryMiB: Math.round((peak / 1_048_576) * 10) / 10,
    capacity: limiter.capacity,
    offenderAllowed,
    perSecond: Math.round(addresses / seconds),
  };
}

/** A client behind nginx that forges `X-Forwarded-For`, a new one each time. */
export async function proveForwarded({
  requests,
}: {
  requests: number;
}): Promise<
  | { skipped: string }
  | { requests: number; trustedAllowed: number; untrustedAllowed: number; honestAllowed: boolean }
> {
  const nginx = spawnSync('nginx', ['-v']).status === 0 ? 'nginx' : undefined;
  if (!nginx) return { skipped: 'there is no nginx on this machine' };
  const rateLimit = { perSecond: 0.001, burst: 20 };
  const trusting = await startIngressHost({ rateLimit, trustProxy: 1 });
  const wary = await startIngressHost({ rateLimit });
  const folder = mkdtempSync(join(tmpdir(), 'nexus-nginx-'));
  const port = await freePort();
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, trusting.port));
  const child = spawn(
    nginx,
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
    {
      stdio: 'ignore',
    },
  );
  try {
    await listening(port);
    return {
      requests,
      trustedAllowed: await forge(port, requests, '127.0.0.1'),
      untrustedAllowed: await forge(wary.port, requests, '127.0.0.1'),
      // Another client of the same proxy still has its own bucket.
      honestAllowed: (await forge(port, 1, '127.0.0.2')) === 1,
    };
  } finally {
    child.kill('SIGTERM');
    await new Promise((gone) => (child.exitCode === null ? child.once('exit', gone) : gone(undefined)));
    rmSync(folder, { recursive: true, force: true });
    await Promise.all([trusting.close(), wary.close()]);
  }
}

async function forge(port: number, requests: number, from: string): Promise<number> {
  const wire = await openWire(port, from);
  let allowed = 0;
  for (let i = 0; i < requests; i++) {
    const forged = `${randomInt(1, 224)}.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`;
    const text = `GET /events HTTP/1.1\r\nHost: nexus.test\r\nX-Forwarded-For: ${forged}, ${forged}\r\n\r\n`;
    const [answer] = await wire.ask([text]);
    if (answer?.status !== 429) allowed += 1;
  }
  wire.close();
  return allowed;
}

function configuration(folder: string, port: number, upstream: number): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `daemon off; worker_processes 1; pid ${folder}/pid;
events { worker_connections 64; }
http {
  access_log off; ${paths.join(' ')} keepalive_requests 100000;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((open) => server.listen(0, '127.0.0.1', open));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      (await openWire(port)).close();
      return;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((later) => setTimeout(later, 50));
    }
  }
}
