/** `npm run bench`: ratios within one run, so that the machine's speed cancels out. */
import { bareGroupCommit, inFolder, nexusEndToEnd } from './end-to-end.js';

const rounds = Number(process.argv.find((each) => each.startsWith('--rounds='))?.slice(9) ?? 5);

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const show = (value: number): string => Math.round(value).toLocaleString('en').padStart(9);

async function compare(name: string, events: number, inFlight: number, floor: number): Promise<void> {
  const nexus: number[] = [];
  const bare: number[] = [];
  // Interleaved, so that a slow minute of the machine is slow for both.
  for (let round = 0; round < rounds; round++) {
    bare.push(await inFolder((file) => bareGroupCommit(file, events, inFlight)));
    nexus.push(await inFolder((file) => nexusEndToEnd(file, events, inFlight)));
  }
  const ratio = median(nexus.map((value, i) => value / (bare[i] ?? value)));
  console.log(
    `${name.padEnd(42)} ${show(median(nexus))}/s   bare ${show(median(bare))}/s   ratio ${ratio.toFixed(2)} (wanted ${floor})`,
  );
}

console.log(
  `publish → fsync → handler → settled, 180-byte payment, schema and chain on; Node ${process.version}, median of ${rounds}`,
);
await compare('1,000 in flight', 200_000, 1_000, 0.5);
await compare('1 in flight', 3_000, 1, 0.75);
