/**
 * A host process of the replay proof: fills a file, begins a replay or finds one, or measures live events beside replays.
 * One that is to be killed replays no further than it is told.
 */
import { appendFileSync } from 'node:fs';
import { createNexus } from '../../src/create-nexus.js';

const [file = '', mode = '', amount = '0', haltAt = 'Infinity'] = process.argv.slice(2);
const count = Number(amount);
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const nexus = createNexus({ storage: file, logger: false });
let replayed = 0;
const begun = new Map<number, number>();

nexus.onEvent('PAYMENT', { name: 'pay' }, async ({ n }, ctx) => {
  begun.set(Number(n), performance.now());
  if (replayed >= Number(haltAt)) await new Promise(() => undefined);
  await ctx.once('charge', async () => {
    // The remote side recognises a charge by its key, and a file survives the process as the remote side would.
    appendFileSync(`${file}.effects`, `${ctx.idempotencyKey('charge')}\n`);
    await new Promise((resolve) => setTimeout(resolve, 1));
    return { charged: n };
  });
  ctx.dispatch('MINT', { n });
  if (ctx.replayed && ++replayed % 50 === 0) tell({ replayed });
});
await nexus.start();

/** One live payment every 10 ms for as long as it is told to; how long each took to its handler, milliseconds. */
async function live(goesOn: (elapsedMs: number) => boolean): Promise<number[]> {
  const said: Promise<{ n: number; at: number }>[] = [];
  const began = performance.now();
  for (let i = 0; goesOn(performance.now() - began); i++) {
    const n = next++;
    const at = performance.now();
    said.push(nexus.dispatch('PAYMENT', { n }).then(() => ({ n, at })));
    await new Promise((resolve) =>
      setTimeout(resolve, Math.max(0, began + (i + 1) * 10 - performance.now())),
    );
  }
  const all = await Promise.all(said);
  while (all.some(({ n }) => !begun.has(n))) await new Promise((resolve) => setTimeout(resolve, 5));
  return all.map(({ n, at }) => (begun.get(n) ?? Infinity) - at);
}
let next = 1_000_000;

if (mode === 'fill') {
  for (let n = 0; n < count; n += 500) {
    await nexus.dispatchMany(
      Array.from({ length: Math.min(500, count - n) }, (_, i) => ({
        type: 'PAYMENT',
        payload: { n: n + i },
      })),
    );
  }
  await nexus.idle();
  await nexus.close();
} else if (mode === 'measure') {
  // In turns, so that what else the machine does falls on both alike.
  const alone: number[] = [];
  const beside: number[] = [];
  await live((ms) => ms < 500);
  for (let round = 0; round < 3; round++) {
    alone.push(...(await live((ms) => ms < count)));
    let over = false;
    const replay = nexus.replay({ fresh: true });
    void replay.finally(() => (over = true));
    beside.push(...(await live(() => !over)));
    await replay;
    await nexus.idle();
  }
  tell({ alone, beside });
  await nexus.close();
} else {
  const run = mode === 'go-on' ? await found() : await begin();
  while ((await nexus.replays.get(run))?.state === 'running')
    await new Promise((resolve) => setTimeout(resolve, 20));
  tell({ over: await nexus.replays.get(run) });
  await nexus.close();
}

async function begin(): Promise<number> {
  return await new Promise((resolve, reject) => {
    nexus.replay({ fresh: mode === 'fresh', onProgress: ({ run }) => resolve(run ?? 0) }).catch(reject);
  });
}

async function found(): Promise<number> {
  const [running] = (await nexus.replays.list({ state: 'running' })).items;
  if (!running) throw new Error('there is no replay to go on with');
  return running.run;
}
