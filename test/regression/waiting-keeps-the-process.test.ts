import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a program prints that has nothing else to do than to wait; it fails when it ends before. */
async function wait(code: string): Promise<string> {
  const folder = mkdtempSync(join(root, '.proof-waiting-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const program = `import { createNexus } from '${root}src/index.ts';
    const nexus = createNexus({ storage: './waiting.db', logger: false });
    ${code}
    await nexus.close();`;
  writeFileSync(join(folder, 'program.mts'), program);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), 'program.mts'],
    { cwd: folder },
  );
  return stdout;
}

it('a process that waits for a retry does not end before it', async () => {
  const printed = await wait(`
    nexus.onEvent('A', { name: 'r', retry: { initialMs: 300 } }, (_, { attempt }) => {
      if (attempt === 1) throw new Error('not yet');
    });
    const { id } = await nexus.dispatch('A', {});
    const [delivery] = await nexus.settled(id);
    console.log(delivery?.state);`);
  expect(printed).toBe('succeeded\n');
});

it('a process that waits for an event in vain is told so', async () => {
  const printed = await wait(`
    await nexus.waitFor('A', { timeoutMs: 300 }).catch((error) => console.log(error.code));`);
  expect(printed).toBe('NEXUS_TIMEOUT\n');
});

it('a process that reads a feed lives until it has read enough', async () => {
  const printed = await wait(`
    await nexus.start();
    setTimeout(() => void nexus.dispatch('A', {}), 300).unref();
    const awake = setTimeout(() => undefined, 200); // less than it takes
    for await (const { type } of nexus.feed()) {
      console.log(type);
      break;
    }
    clearTimeout(awake);`);
  expect(printed).toBe('A\n');
});

it('a process for which nobody waits ends by itself', async () => {
  const printed = await wait(`
    nexus.onEvent('A', { name: 'r', retry: { initialMs: 600_000 } }, () => { throw new Error('not yet'); });
    await nexus.dispatch('A', {});
    await nexus.idle();
    process.on('exit', () => console.log('ended'));
    await new Promise(() => undefined);`).catch((ended: unknown) => ended);
  // 13: the promise that the program itself made up is not settled.
  expect(printed).toMatchObject({ code: 13, stdout: 'ended\n' });
});
