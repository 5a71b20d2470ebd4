/**
 * `npm run bench`: ratios within one run, so that the machine's speed cancels out. `-- --only=speed,backlog,log,reactors
 * --rounds=3` runs some of it.
 */
import { bareGroupCommit, inFolder, median, nexusEndToEnd } from './end-to-end.js';
import { backlog, longLog, manyReactors, type Scale } from './scale.js';

const option = (name: string): string | undefined =>
  process.argv.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);
const rounds = Number(option('rounds') ?? 5);
const only = option('only')?.split(',');
const wanted = (part: string): boolean => only?.includes(part) ?? true;

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
if (wanted('speed')) {
  await compare('1,000 in flight', 200_000, 1_000, 0.6);
  await compare('1 in flight', 3_000, 1, 0.8);
}
const tell = (name: string, { value, note }: Scale, floor: string): void =>
  console.log(`${name.padEnd(42)} ${value.padStart(9)}   ${note} (wanted ${floor})`);
if (wanted('backlog')) tell('1,000,000 deliveries pending', await backlog(1_000_000, rounds), '0.8, 200 MB');
if (wanted('log')) tell('log of 5,000,000 events, opening', await longLog(5_000_000), '100 ms more');
if (wanted('reactors')) {
  tell('100 reactors on other types', await manyReactors(100, 1_000, rounds), '0.8');
  tell('100 reactors on other types, 1 in flight', await manyReactors(100, 1, rounds), '0.8');
}
