/**
 * `npm run bench`: ratios within one run, so that the machine's speed cancels out.
 * `-- --only=speed,backlog,log,reactors,watching,ingress,fanOut,chain,verify,importing --rounds=3` runs some of it.
 */
import { median } from './end-to-end.js';
import { messagesPerSecond } from './fan-out.js';
import { importing } from './importing.js';
import { posts } from './ingress.js';
import { measure } from './measure.js';
import { watching } from './watching.js';
import { backlog, longLog, manyReactors, type Scale } from './scale.js';

const unknown = process.argv.slice(2).find((each) => !/^--(only|rounds)=/.test(each));
if (unknown !== undefined) {
  console.error(`unknown: ${unknown}; expected --only=speed,importing,… or --rounds=5`);
  process.exit(2);
}
const option = (name: string): string | undefined =>
  process.argv.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);
const rounds = Number(option('rounds') ?? 5);

const show = (value: number): string => Math.round(value).toLocaleString('en').padStart(9);

type Run = () => Promise<number> | number;

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
  nexus: () => measure({ kind: 'nexus', events, inFlight }).perSecond,
  bare: () => measure({ kind: 'bare', events, inFlight }).perSecond,
});
const tell = (name: string, { value, note }: Scale, floor: string): void =>
  console.log(`${name.padEnd(42)} ${value.padStart(9)}   ${note} (wanted ${floor})`);

const parts: Record<string, () => Promise<void>> = {
  speed: async () => {
    console.log('publish → fsync → handler → settled, 180-byte payment, schema and chain on');
    await compare('1,000 in flight', endToEnd(200_000, 1_000), 0.6);
    await compare('1 in flight', endToEnd(10_000, 1), 0.8);
  },
  backlog: async () => tell('1,000,000 deliveries pending', await backlog(1_000_000, rounds), '0.8, 200 MB'),
  log: async () => tell('log of 5,000,000 events, opening', await longLog(5_000_000), '100 ms more'),
  reactors: async () => {
    tell('100 reactors on other types', manyReactors(100, 1_000, rounds), '0.8');
    tell('100 reactors on other types, 1 in flight', manyReactors(100, 1, rounds), '0.8');
  },
  watching: async () => {
    for (const level of ['info', 'debug'] as const) {
      const { perSecond, ratio, cpuRatio } = watching(level, 200_000, rounds);
      const wanted = level === 'info' ? '0.9' : 'no less than it must';
      tell(
        `metrics and a log at ${level}`,
        {
          value: `${show(perSecond)}/s`,
          note: `ratio ${ratio.toFixed(2)}, of processor time ${cpuRatio.toFixed(2)}`,
        },
        wanted,
      );
    }
  },
  ingress: async () => {
    console.log('POST /events: signed, validated, durable, limiter off, 64 connections');
    const micros: Record<'nexus' | 'bare', number[]> = { nexus: [], bare: [] };
    const run = (mode: 'nexus' | 'bare') => async () => {
      const { perSecond, cpuMicros } = await posts(mode, 60_000);
      micros[mode].push(cpuMicros);
      return perSecond;
    };
    await compare('1,024 in flight', { nexus: run('nexus'), bare: run('bare') }, 0.6);
    const ratio = median(micros.nexus.map((value, i) => (micros.bare[i] ?? value) / value));
    const [nexus, bare] = [median(micros.nexus), median(micros.bare)].map((each) => each.toFixed(1));
    console.log(
      `  processor time of the server per post      ${nexus} µs   bare ${bare} µs   ratio ${ratio.toFixed(2)}`,
    );
  },
  chain: async () => {
    console.log('the same with a hash that is always the same ("bare")');
    const run = (kind: 'nexus' | 'unhashed') => () =>
      measure({ kind, events: 200_000, inFlight: 1_000 }).perSecond;
    await compare('1,000 in flight, hashed', { nexus: run('nexus'), bare: run('unhashed') }, 0.85);
  },
  verify: async () => {
    const runs = Array.from({ length: rounds }, () =>
      measure({ kind: 'verify', events: 200_000, inFlight: 1 }),
    );
    const value = `${show(median(runs.map(({ perSecond }) => perSecond))).trim()}/s`;
    const grew = `${median(runs.map(({ memoryMb }) => memoryMb)).toFixed(0)} MB more memory`;
    tell('verifying 200,000 events', { value, note: grew }, '100,000/s');
  },
  importing: async () => {
    const { importMs, requireMs, readMs, zodMs } = importing();
    const note = `require ${requireMs.toFixed(0)} ms, and its schemas read ${readMs.toFixed(0)} ms, zod alone ${zodMs.toFixed(0)} ms`;
    tell('importing the package', { value: `${importMs.toFixed(0)} ms`, note }, '80 ms');
  },
  fanOut: async () => {
    console.log('events to WebSocket clients; bare: a ws server that sends a prepared string to each');
    const size = { sockets: 1_000, messages: 1_000 };
    const runs = {
      nexus: () => messagesPerSecond('nexus', size),
      bare: () => messagesPerSecond('bare', size),
    };
    await compare('1,000 sockets', runs, 0.8);
  },
};
console.log(`Node ${process.version}, median of ${rounds}`);
for (const name of option('only')?.split(',') ?? Object.keys(parts)) await parts[name]?.();
