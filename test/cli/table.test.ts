/** What is made from the table of verbs is right, and complete. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { completion } from '../../src/cli/complete.js';
import { exitCodes, exitMeanings, exitOf } from '../../src/cli/exit-codes.js';
import { page, verbHelp } from '../../src/cli/help.js';
import { findVerb, parseCall } from '../../src/cli/parse-call.js';
import { runCli } from '../../src/cli/run-cli.js';
import { plain } from '../../src/cli/terminal.js';
import { parseDuration, parseInstant, parsePlace, showBytes, showDuration } from '../../src/cli/time.js';
import { verbs } from '../../src/cli/verbs.js';
import { NexusError } from '../../src/index.js';
import { folder } from './host.js';
import { root } from './program.js';

/** A line of a shell, as far as examples have it. */
function wordsOf(line: string): string[] {
  const [command = ''] = line.split(/ \| | > | < /);
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
}

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const ending = { signal: new AbortController().signal, by: () => undefined };
  const code = await runCli(verbs, argv, { stdin, stdout, stderr, env: {}, ending, version: '1.2.3' });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

describe('the table of verbs', () => {
  it.each(verbs.map((verb) => [verb.name, verb] as const))(
    'has for %s what help and docs need',
    (_name, verb) => {
      expect(verb.summary).toMatch(/^[A-Z].*[^.]$/);
      expect(verb.about === '' || verb.about.endsWith('.')).toBe(true);
      for (const [name, { help, kind, value }] of Object.entries(verb.options)) {
        expect(name).toMatch(/^[a-z][a-z-]*$/);
        expect(help, name).toMatch(/^[A-Z].*[^.]$/);
        expect(value === undefined, name).toBe(kind === 'flag');
      }
      expect(verb.examples.length).toBeGreaterThan(0);
      const help = verbHelp(verb);
      for (const name of Object.keys(verb.options)) expect(help).toContain(`--${name}`);
    },
  );

  it('has examples that can be typed', () => {
    for (const { name, examples } of verbs)
      for (const { line } of examples) {
        const [, ...after] = wordsOf(
          line
            .replace(/\$\(date \+%F\)/g, 'DATE')
            .slice(line.indexOf('nexus'))
            .replace(/\)" .*$|\)$/, ''),
        );
        if (!line.includes('nexus ')) continue;
        const found = findVerb(verbs, after);
        expect(found?.verb.name, line).toBe(name);
        const typed = found?.rest.filter(
          (word, i, all) => word !== '--env-file' && all[i - 1] !== '--env-file',
        );
        if (found) expect(() => parseCall(found.verb, typed ?? [], {}), line).not.toThrow();
      }
  });

  it('is what docs/cli.md says', async () => {
    await expect(page(verbs)).toMatchFileSnapshot(join(root, 'docs/cli.md'));
  });
});

describe('what is typed', () => {
  it('gets help where it asks for it', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, stderr: '' });
    expect(await run('dead', '--help')).toMatchObject({ code: 0 });
    expect((await run('help', 'tail')).stdout).toContain('Usage: nexus tail');
    expect((await run('dead', 'redrive', '--help')).stdout).toContain('--dry-run');
    expect(await run('--version')).toMatchObject({ code: 0, stdout: '1.2.3\n' });
    expect((await run()).code).toBe(2);
    expect(await run('dead')).toMatchObject({ code: 2 });
  });

  it.each([
    [['tial'], 'did you mean `nexus tail`'],
    [['dead', 'redive'], 'did you mean `nexus dead redrive`'],
    [['zzz'], 'there is no verb "zzz"'],
    [['tail', '--tipe', 'A'], "Unknown option '--tipe'"],
    [['events', '--limit', 'ten'], '--limit must be a whole number; got "ten"'],
    [['events', '--from', 'yesterday'], '--from must be a date'],
    [['deliveries', '--state', 'asleep'], '--state must be one of pending'],
    [['explain'], '<id> is missing'],
    [['explain', 'a', 'b'], 'one argument too many'],
    [['nodes', 'rotate', 'x', '--grace', 'soon'], '--grace must be a duration'],
    [['replay', '--from', '-1'], '--from'],
    [['completion', 'tcsh'], 'bash, zsh, fish'],
    [['doctor', '--port', '70000'], 'from 1 to 65535'],
    [['events', '--url', 'ftp://x'], '--url must be like'],
    [['events', '--url', 'http://me:secret@x/'], 'must not carry a password'],
    [['events', '--env-file', '/nowhere/.env'], 'cannot be read'],
  ])('is refused with 2 and a reason: %j', async (argv, reason) => {
    const { code, stdout, stderr } = await run(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain('me:secret');
  });

  it('has durations, instants and places', () => {
    const now = 1_800_000_000_000;
    expect(['90s', '15m', '2h', '7d', '250', '5ms', '1w', ''].map(parseDuration)).toEqual([
      90_000,
      900_000,
      7_200_000,
      604_800_000,
      250,
      5,
      undefined,
      undefined,
    ]);
    expect(['2h', '2026-01-31', '1700000000000', '12', 'x'].map((each) => parseInstant(each, now))).toEqual([
      now - 7_200_000,
      Date.UTC(2026, 0, 31),
      1_700_000_000_000,
      undefined,
      undefined,
    ]);
    expect(['12', '2h', '2026-01-31'].map((each) => parsePlace(each, now))).toEqual([
      12,
      new Date(now - 7_200_000),
      new Date(Date.UTC(2026, 0, 31)),
    ]);
    expect([4, 1_500, 180_000, 7_200_000, 864_000_000].map(showDuration)).toEqual([
      '4 ms',
      '1.5 s',
      '3 min',
      '2 h',
      '10 d',
    ]);
    expect([12, 1_500, 2_500_000].map(showBytes)).toEqual(['12 B', '1.5 kB', '2.5 MB']);
  });
});

describe('exit codes', () => {
  it('are said, all of them', () => {
    expect(Object.keys(exitMeanings).map(Number)).toEqual(Object.values(exitCodes));
  });

  it('tell errors apart', () => {
    const codes = [
      'NEXUS_NOT_FOUND',
      'NEXUS_INVALID_OPTION',
      'NEXUS_PERMISSION_DENIED',
      'NEXUS_STORAGE',
      'NEXUS_CLOSED',
    ] as const;
    expect(codes.map((code) => exitOf(new NexusError(code, 'x')))).toEqual([3, 2, 4, 5, 1]);
    expect(exitOf(new Error('x'))).toBe(1);
  });
});

describe('text of others', () => {
  it.each(['\u001b[2J', '\u009b2J', '\u202e', 'a\nb', '\u0000', '\u2028', '\ud800'])(
    '%j is not what it does',
    (text) => {
      // eslint-disable-next-line no-control-regex -- these are what must not come
      expect(plain(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2028]/);
      expect(plain(text).isWellFormed()).toBe(true);
    },
  );
});

describe('completion', () => {
  const complete = (line: string): string[] => {
    const cwd = folder();
    writeFileSync(join(cwd, 'nexus.bash'), completion(verbs, 'bash'));
    writeFileSync(join(cwd, 'a-file.json'), '');
    const script = `source ./nexus.bash; COMP_WORDS=(${line.replace(/ $/, ' ""')}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _nexus; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { cwd, encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter(Boolean);
  };

  it('completes verbs, options, choices and files in bash', () => {
    expect(complete('nexus re')).toEqual(['replay', 'replays', 'reactors']);
    expect(complete('nexus dead ')).toEqual(['list', 'redrive', 'discard']);
    expect(complete('nexus dead redrive --d')).toEqual(['--db', '--dry-run']);
    expect(complete('nexus deliveries --state p')).toEqual(['pending']);
    expect(complete('nexus tail --after')).toEqual(['--after']);
    expect(complete('nexus events --db a')).toEqual(['a-file.json']);
    expect(complete('nexus sign a')).toEqual(['a-file.json']);
    expect(complete('nexus deliveries r')).toEqual(['retry']);
  });

  it.each(['zsh', 'fish'] as const)('is a script for %s', (shell) => {
    const script = completion(verbs, shell);
    for (const { name } of verbs) for (const word of name.split(' ')) expect(script).toContain(word);
    const has = spawnSync(shell, ['--version']);
    // Where the shell is not installed, only that the verbs are in it is known.
    if (has.status === 0) expect(spawnSync(shell, ['-n'], { input: script }).status).toBe(0);
  });
});
