/** In a pseudo-terminal: what is drawn, what is asked, and how Ctrl-C ends it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pay, startHost } from './host.js';
import { nexus, noTerminal, startInTerminal } from './program.js';

// eslint-disable-next-line no-control-regex -- what colours begin with
const escape = /\u001b\[/;

describe.skipIf(noTerminal !== undefined)(`in a terminal${noTerminal ? `: ${noTerminal}` : ''}`, () => {
  it('colours what it lists, unless it is told not to', async () => {
    const host = await startHost();
    await pay(host, 1);
    const shown = async (line: string, env: Record<string, string> = {}): Promise<string> => {
      const run = startInTerminal(line, { cwd: host.cwd, env });
      expect(await run.ended).toBe(0);
      return run.output().stdout;
    };
    for (const line of ['events', 'dead list', 'reactors list', 'deliveries', 'health'])
      expect(await shown(line), line).toMatch(escape);
    for (const plain of [
      await shown('events --no-color'),
      await shown('events', { NO_COLOR: '1' }),
      await shown('events', { TERM: 'dumb' }),
      await shown('events --json'),
    ])
      expect(plain).not.toMatch(escape);
    expect((await nexus('events', { cwd: host.cwd })).stdout).not.toMatch(escape);
  });

  it.each(['backup copy.db', 'audit verify', 'replay --reactor works --yes'])(
    'draws a bar for %s',
    async (line) => {
      const host = await startHost();
      await pay(host, 3);
      const run = startInTerminal(line, { cwd: host.cwd });
      expect(await run.ended).toBe(0);
      // eslint-disable-next-line no-control-regex -- how the rest of a line is cleared
      expect(run.output().stdout).toMatch(/\r(copying|verifying|replaying) [█░]{24} +\d+ %\u001b\[K/);
      const json = startInTerminal(`${line.replace('copy.db', 'second.db')} --json`, { cwd: host.cwd });
      expect(await json.ended).toBe(0);
      expect(json.output().stdout).not.toMatch(/[█░]/);
    },
  );

  it('asks before it does what cannot be taken back', async () => {
    const host = await startHost();
    await pay(host, 2);
    const answer = async (line: string, text: string): Promise<{ code: unknown; said: string }> => {
      const run = startInTerminal(line, { cwd: host.cwd });
      await run.said(/\[y\/N\]/);
      run.child.stdin?.write(text);
      return { code: await run.ended, said: run.output().stdout };
    };
    for (const no of ['\n', 'n\n', 'yep\n']) {
      const { code, said } = await answer('dead discard --all', no);
      expect(code, no).toBe(4);
      expect(said).toContain('nothing was done');
    }
    expect(await answer('dead discard --all', '\u0003')).toMatchObject({ code: 130 });
    expect((await host.nexus.deadLetters.list()).items).toHaveLength(2);
    expect(await answer('dead discard --all', 'y\n')).toMatchObject({ code: 0 });
    expect((await host.nexus.deadLetters.list()).items).toEqual([]);
    expect(await answer('reactors remove stubborn', 'n\n')).toMatchObject({ code: 4 });
    expect(await answer('replay --reactor works', 'yes\n')).toMatchObject({ code: 0 });
  });

  it('ends a tail at Ctrl-C with 130, and leaves nothing behind', async () => {
    const host = await startHost();
    const tail = startInTerminal('tail', { cwd: host.cwd });
    await tail.said(/following from seq/);
    await host.nexus.dispatch('ZEBRA', {});
    await tail.said(/ZEBRA/);
    tail.child.stdin?.write('\u0003');
    expect(await tail.ended).toBe(130);
    expect(tail.output().stdout).not.toMatch(/Error|at .*\.js/);
    // Nobody holds the file: it can be closed for good.
    await host.nexus.close();
    expect(existsSync(join(host.cwd, 'nexus.db-live'))).toBe(false);
  });
});
