/** Checkpoints that are kept elsewhere: plain or signed, taken from a file or a host, and held against it later. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/index.js';
import { adminToken, pay, startHost, type Host } from './host.js';
import { ndjson, nexus, program, root, start, type Ran } from './program.js';

const pair = generateKeyPairSync('ed25519');
const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;

type Kit = {
  host: Host;
  run: (line: string, env?: Record<string, string>) => Promise<Ran>;
  at: (file: string) => string;
};

async function kit(way: 'file' | 'http'): Promise<Kit> {
  const host = await startHost();
  await pay(host, 2);
  const { cwd } = host;
  const at = (file: string): string => join(cwd, file);
  writeFileSync(at('key.pem'), pem);
  writeFileSync(at('pub.pem'), publicPem);
  const more = way === 'http' ? { NEXUS_URL: host.url, NEXUS_TOKEN: adminToken } : {};
  return { host, at, run: (line, env = {}) => nexus(line, { cwd, env: { ...more, ...env } }) };
}

it('is signed and believed as docs/audit.md says', async (test) => {
  test.skip(spawnSync('openssl', ['version']).status !== 0, 'openssl is not installed here');
  const [, code = ''] =
    /```sh\n(openssl genpkey[\s\S]*?)```/.exec(readFileSync(join(root, 'docs/audit.md'), 'utf8')) ?? [];
  const { host } = await kit('file');
  const shell = `set -eu; nexus() { ${process.execPath} ${program()} "$@"; }; ${code}`;
  const run = start('bash', ['-c', shell], { cwd: host.cwd });
  expect(await run.ended).toBe(0);
  expect(run.output().stdout).toContain('vouched for by a checkpoint up to seq 4');
});

describe.each(['file', 'http'] as const)('a checkpoint of a %s', (way) => {
  it('is signed with a key that stays here, and believed for its signature', async () => {
    const { host, run, at } = await kit(way);
    expect(await run('audit checkpoint --sign neobot --key-file key.pem --out note.txt')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'seq 4 is noted in note.txt\n',
    });
    const { logId, seq, hash } = await host.nexus.audit.checkpoint();
    const note = readFileSync(at('note.txt'), 'utf8');
    expect(openCheckpoint(note, { name: 'neobot', publicKey: publicPem })).toMatchObject({
      logId,
      seq,
      hash,
    });

    const line = 'audit verify --signer neobot --public-key pub.pem --json --checkpoint';
    await pay(host, 1);
    expect(ndjson((await run(`${line} note.txt`)).stdout)).toMatchObject([{ ok: true, vouchedTo: 4, to: 6 }]);

    writeFileSync(at('changed.txt'), note.replace('\n4\n', '\n3\n'));
    writeFileSync(at('plain.json'), JSON.stringify({ logId, seq, hash, at: 1 }));
    for (const file of ['changed.txt', 'plain.json', 'pub.pem']) {
      const refused = await run(`${line} ${file}`);
      expect([refused.code, refused.stdout], file).toEqual([4, '']);
      expect(ndjson(refused.stderr)).toMatchObject([
        { error: { code: 'NEXUS_UNAUTHENTICATED', message: expect.stringContaining(file) as string } },
      ]);
    }
    // One of them is none: nothing is verified with the others.
    expect((await run(`${line} note.txt --checkpoint plain.json`)).code).toBe(4);
  });

  it('is signed on stdout, with a key out of a variable that may be one line', async () => {
    const { run } = await kit(way);
    for (const key of [pem, pem.replaceAll('\n', '\\n')]) {
      const { code, stdout } = await run('audit checkpoint --sign neobot', { NEXUS_CHECKPOINT_KEY: key });
      expect(code).toBe(0);
      expect(openCheckpoint(stdout, { name: 'neobot', publicKey: publicPem }).seq).toBe(4);
    }
    const json = await run('audit checkpoint --sign neobot --key-env MY_KEY --json', { MY_KEY: pem });
    const [told] = ndjson(json.stdout);
    expect(told).toMatchObject({ seq: 4, hash: expect.any(String) as string });
    expect(openCheckpoint(String(told?.note), { name: 'neobot', publicKey: publicPem }).seq).toBe(4);
  });

  it('is not taken where it could not be signed', async () => {
    const { host, run, at } = await kit(way);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
    writeFileSync(at('rsa.pem'), rsa.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(at('no.pem'), 'MC4CAQAwBQYDK2Vw-no-key');
    for (const key of [
      '',
      ' --key-file rsa.pem',
      ' --key-file no.pem',
      ' --key-file none.pem',
      ' --key-file pub.pem',
    ]) {
      const refused = await run(`audit checkpoint --sign neobot --out note.txt${key}`);
      expect([refused.code, refused.stdout], key).toEqual([2, '']);
      expect(refused.stderr).not.toContain('MC4CAQ');
    }
    expect((await run('audit checkpoint --sign two+names --key-file key.pem --out note.txt')).code).toBe(2);
    expect(existsSync(at('note.txt'))).toBe(false);
    // A checkpoint that was taken for nothing would let the log be pruned up to there.
    await expect(host.nexus.audit.prune({ before: 3 })).rejects.toMatchObject({
      code: 'NEXUS_CHECKPOINT_MISSING',
    });
  });

  it('may be one of many lines, as keepCheckpoints writes them', async () => {
    const { host, run, at } = await kit(way);
    const first = await host.nexus.audit.checkpoint();
    await pay(host, 1);
    const second = await host.nexus.audit.checkpoint();
    writeFileSync(at('kept.jsonl'), `${JSON.stringify(first)}\n${JSON.stringify(second)}\n`);
    expect(ndjson((await run('audit verify --checkpoint kept.jsonl --json')).stdout)).toMatchObject([
      { ok: true, vouchedTo: 6, checkpoints: { matched: 2 } },
    ]);
  });

  it.each([
    ['a signed note without its signer', '--checkpoint note.txt', /say whose with --signer/],
    ['a signer without a key', '--checkpoint note.txt --signer neobot', /belong together/],
    ['a key without a signer', '--checkpoint note.txt --public-key pub.pem', /belong together/],
    [
      'a key that is none',
      '--checkpoint note.txt --signer neobot --public-key note.txt',
      /must be an Ed25519 key/,
    ],
    ['what is no JSON', '--checkpoint pub.pem', /pub\.pem is not JSON/],
    ['what is no checkpoint', '--checkpoint no.json', /logId, seq, hash/],
  ])('is not %s', async (_name, options, says) => {
    const { run, at } = await kit(way);
    writeFileSync(at('no.json'), '{"seq":1}');
    await run('audit checkpoint --sign neobot --key-file key.pem --out note.txt');
    const refused = await run(`audit verify ${options}`);
    expect([refused.code, refused.stdout]).toEqual([2, '']);
    expect(refused.stderr).toMatch(says);
  });
});
