/** examples/standalone, copied alone into a clean folder with the packed package, runs by its README. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { folder } from './host.js';
import { environment, root, start } from './program.js';

const source = join(root, 'examples/standalone');
const steps = new Map(
  [
    ...readFileSync(join(source, 'README.md'), 'utf8').matchAll(
      /<!-- step: (\w+) -->\n\n```sh\n([\s\S]*?)```/g,
    ),
  ].map(([, name = '', code = '']) => [name, code.trim()]),
);

beforeAll(() => {
  if (!existsSync(join(root, 'dist', 'cli', 'main.js')))
    throw new Error('there is no build to pack: run `npm run build` first');
});

/** What `npm install` would leave: the packed package, and what it depends on, from where it is here. */
function install(cwd: string): void {
  const tools = folder();
  const packed = spawnSync('npm', ['pack', root, '--pack-destination', tools, '--ignore-scripts', '--json'], {
    encoding: 'utf8',
  });
  expect(packed.status, packed.stderr).toBe(0);
  const [tarball = ''] = readdirSync(tools);
  const modules = join(cwd, 'node_modules');
  const target = join(modules, '@neo-protocol', 'nexus');
  mkdirSync(target, { recursive: true });
  expect(spawnSync('tar', ['-xzf', join(tools, tarball), '-C', target, '--strip-components=1']).status).toBe(
    0,
  );
  const { dependencies, bin } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    bin: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), 'prom-client'])
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  mkdirSync(join(modules, '.bin'));
  for (const [name, path] of Object.entries(bin)) {
    expect(readFileSync(join(target, path), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(spawnSync('chmod', ['+x', join(target, path)]).status).toBe(0);
    symlinkSync(join(target, path), join(modules, '.bin', name));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

describe('examples/standalone', () => {
  it('runs by its README, copied alone, with the packed package', { timeout: 120_000 }, async () => {
    const cwd = join(folder(), 'service');
    cpSync(source, cwd, { recursive: true });
    install(cwd);
    const port = String(await freePort());
    const step = (name: string): string =>
      (steps.get(name) ?? `echo no step ${name}; exit 9`).replaceAll('3000', port);
    const run = (name: string): string => {
      const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', step(name)], {
        cwd,
        encoding: 'utf8',
        env: environment({ npm_config_offline: 'true' }),
      });
      expect(ran.status, `${name}: ${ran.stdout}${ran.stderr}`).toBe(0);
      return ran.stdout;
    };
    expect(steps.get('install')).toBe('npm install');
    run('prepare');
    writeFileSync(
      join(cwd, '.env'),
      readFileSync(join(cwd, '.env'), 'utf8').replace('PORT=3000', `PORT=${port}`),
    );
    expect(run('check')).toContain('the configuration is right');
    const service = start(
      'bash',
      ['-c', step('serve').replace('npx nexus', 'exec ./node_modules/.bin/nexus')],
      { cwd },
    );
    await service.said(/"msg":"listening"/);
    const tried = run('try');
    expect(tried).toContain('"status":"ok"');
    expect(tried).toMatch(/PAYMENT_RECEIVED \S+ seq 1/);
    expect(tried).toContain('MINT_REQUESTED');
    expect(tried).toMatch(/mint-on-payment +active +2/);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(401);
    service.child.kill('SIGTERM');
    expect(await service.ended).toBe(0);
    const secrets = readFileSync(join(cwd, '.env'), 'utf8').match(/[0-9a-f]{64}/g) ?? [];
    expect(secrets).toHaveLength(5);
    for (const secret of secrets) expect(`${tried}${service.output().stdout}`).not.toContain(secret);
  });

  it('has files that their platforms can read', () => {
    for (const name of ['railway.json', 'package.json', 'permissions.json'])
      expect(() => JSON.parse(readFileSync(join(source, name), 'utf8')) as unknown, name).not.toThrow();
    const { apps } = createRequire(import.meta.url)(join(source, 'ecosystem.config.cjs')) as {
      apps: { script: string; kill_timeout: number; instances: number }[];
    };
    expect(apps).toMatchObject([
      { instances: 1, script: 'node_modules/@neo-protocol/nexus/dist/cli/main.js' },
    ]);
    // PM2 takes one that was killed for one that ended with 0, and would leave it so.
    expect(apps[0]).not.toHaveProperty('stop_exit_codes');
    const unit = readFileSync(join(source, 'nexus.service'), 'utf8');
    const graceMs = Number(
      /graceMs: ([\d_]+)/.exec(readFileSync(join(source, 'nexus.config.mjs'), 'utf8'))?.[1]?.replace('_', ''),
    );
    // Each of them must wait longer than the service takes.
    expect(apps[0]?.kill_timeout).toBeGreaterThan(graceMs);
    expect(Number(/TimeoutStopSec=(\d+)/.exec(unit)?.[1]) * 1_000).toBeGreaterThan(graceMs);
    expect(
      Number(/"drainingSeconds": (\d+)/.exec(readFileSync(join(source, 'railway.json'), 'utf8'))?.[1]) *
        1_000,
    ).toBeGreaterThan(graceMs);
    expect(
      Number(/stop_grace_period: (\d+)s/.exec(readFileSync(join(source, 'compose.yml'), 'utf8'))?.[1]) *
        1_000,
    ).toBeGreaterThan(graceMs);
  });

  it('has a unit that systemd takes', (test) => {
    const has = spawnSync('systemd-analyze', ['--version']);
    test.skip(has.status !== 0, 'systemd-analyze is not installed here');
    const verified = spawnSync('systemd-analyze', ['verify', join(source, 'nexus.service')], {
      encoding: 'utf8',
    });
    expect(verified.stderr.split('\n').filter((line) => line.includes('nexus.service'))).toEqual([]);
  });

  it('builds an image without a compiler, and runs it as nobody in particular', () => {
    const stages = readFileSync(join(source, 'Dockerfile'), 'utf8')
      .split(/^FROM /m)
      .slice(1);
    expect(stages).toHaveLength(2);
    expect(stages[1]).toMatch(/^node:\d+-bookworm-slim\n/);
    expect(stages[1]).not.toMatch(/apt-get|npm (ci|install)|apk/);
    expect(stages[1]).toMatch(/^USER node$/m);
    expect(stages[1]).toMatch(/^HEALTHCHECK .*\n.*nexus health/m);
    // What is in the image must not be a secret or a database.
    const ignored = readFileSync(join(source, '.dockerignore'), 'utf8').split('\n');
    for (const name of ['.env', 'node_modules', 'data', '*.db']) expect(ignored).toContain(name);
  });
});
