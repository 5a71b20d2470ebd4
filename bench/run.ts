/** `npm run bench`: ratios within one run, so that the machine's speed cancels out. */
import { bareGroupCommit, inFolder, nexusEndToEnd } from './end-to-end.js';
import { postsPerSecond } from './ingress.js';

const rounds = Number(process.argv.find((each) => each.startsWith('--rounds='))?.slice(9) ?? 5);

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const show = (value: number): string => Math.round(value).toLocaleString('en').padStart(9);

type Run = () => Promise<number>;

async function compare(name: string, runs: { nexus: Run; bare: Run }, floor: number): Promise<void> {
  const nexus: number[] = [];
  const bare: number[] = [];
  // Interleaved, so that a slow minute of the machine is slow for both.
  for (let round = 0; round < rounds; round++) {
    bare.push(await runs.bare());
    nexus.push(await runs.nexus());
  }
  const ratio = median(nexus.map((value, i) => value / (bare[i] ?? value)));
  console.log(
    `${name.padEnd(42)} ${show(median(nexus))}/s   bare ${show(median(bare))}/s   ratio ${ratio.toFixed(2)} (wanted ${floor})`,
  );
}

const endToEnd = (events: number, inFlight: number): { nexus: Run; bare: Run } => ({
  nexus: () => inFolder((file) => nexusEndToEnd(file, events, inFlight)),
  bare: () => inFolder((file) => bareGroupCommit(file, events, inFlight)),
});
const posts = (count: number): { nexus: Run; bare: Run } => ({
  nexus: () => postsPerSecond('nexus', count),
  bare: () => postsPerSecond('bare', count),
});
const all: Record<string, () => Promise<void>> = {
  'end-to-end': async () => {
    console.log(
      `publish → fsync → handler → settled, 180-byte payment, schema and chain on; Node ${process.version}, median of ${rounds}`,
    );
    await compare('1,000 in flight', endToEnd(200_000, 1_000), 0.5);
    await compare('1 in flight', endToEnd(3_000, 1), 0.75);
  },
  ingress: async () => {
    console.log('POST /events: signed, validated, durable, limiter off, 64 connections');
    await compare('1,024 in flight', posts(60_000), 0.6);
  },
};
const only =
  process.argv
    .find((each) => each.startsWith('--only='))
    ?.slice(7)
    .split(',') ?? Object.keys(all);
for (const name of only) await all[name]?.();
