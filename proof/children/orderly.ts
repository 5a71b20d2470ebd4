/**
 * A host process of the order proof: handles keyed events, fails at random, and notes in a journal that all hosts append to
 * when a handler began and ended. `talk <ms> <perSecond>` on standard input makes it dispatch for a while.
 */
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { NexusError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';

const [file = '', journal = '', failing = '0', keys = '1'] = process.argv.slice(2);
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const nexus = createNexus({ storage: file, logger: false });
// One write per line at the end of the file: the lines are in the order in which things happened, whoever writes them.
const fd = openSync(journal, 'a');
const note = (...words: (string | number)[]): void => void writeSync(fd, `${words.join(' ')}\n`);

nexus.onEvent(
  'STEP',
  {
    name: 'ordered',
    concurrency: 64,
    orderBy: ({ payload }) => String(payload.key),
    retry: { backoff: 'fixed', initialMs: 20, jitter: 1, maxAttempts: 1_000 },
  },
  async (payload, { event }) => {
    const step = [String(payload.key), Number(payload.n)] as const;
    const now = Date.now();
    note('S', ...step, now, now - event.timestamp);
    if (typeof payload.blockedUntil === 'number' && now < payload.blockedUntil) throw new Error('blocked');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
    if (Math.random() < Number(failing)) throw new Error('at random');
    note('E', ...step);
  },
);
/** The lock of a busy file is not dealt out fairly: a start that did not get it in time is tried again, as a host would. */
let startsRefused = 0;
for (let started = false; !started;) {
  try {
    await nexus.start();
    started = true;
  } catch (error) {
    if (!NexusError.is(error, 'NEXUS_STORAGE') || error.details.retryable !== true) throw error;
    startsRefused += 1;
  }
}
await nexus.reactors.list();
tell({ ready: true, startsRefused });

let said = 0;
const sayOne = async (): Promise<void> => {
  said += 1;
  await nexus.dispatch('STEP', {
    key: `${process.pid}-${said % Number(keys)}`,
    n: Math.floor(said / Number(keys)),
  });
};
createInterface({ input: process.stdin }).on('line', (line) => {
  const work = async (): Promise<void> => {
    const [command, ms, perSecond] = line.split(' ');
    if (command === 'talk') {
      const end = performance.now() + Number(ms);
      const answers: Promise<void>[] = [];
      while (performance.now() < end) {
        answers.push(sayOne());
        await new Promise((resolve) => setTimeout(resolve, 1_000 / Number(perSecond)));
      }
      await Promise.all(answers);
      tell({ talked: said });
    }
    if (command === 'block') {
      const blockedUntil = Date.now() + Number(ms);
      await nexus.dispatchMany(
        Array.from({ length: 200 }, (_, n) => ({
          type: 'STEP',
          payload: { key: 'blocked', n, ...(n === 0 && { blockedUntil }) },
        })),
      );
      tell({ blocked: blockedUntil });
    }
    if (command === 'close') {
      await nexus.close();
      process.exit(0);
    }
  };
  work().catch((error: unknown) => tell({ failed: String(error) }));
});
