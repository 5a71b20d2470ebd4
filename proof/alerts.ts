/**
 * A thousand dead letters within a second, on the real clock: a Nexus on a file, and a Discord that refuses what Discord
 * refuses. How many posts it takes to tell of all of them, and that it is told when it is over.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { discordAlerts } from '../src/alerts/index.js';
import { createNexus } from '../src/index.js';
import { counted, startDiscord } from './fake-discord.js';

export type AlertsReport = {
  /** Reactors and codes of errors that the dead letters are of. */
  readonly kinds: number;
  /** Whether others had used up what the webhook may take when the first post came. */
  readonly busy: boolean;
  readonly dead: number;
  /** From the first to the last of them. */
  readonly withinMs: number;
  /** Posts that Discord took, and those that it answered with 429, or for what is wrong with them. */
  readonly posts: number;
  readonly refused: number;
  readonly malformed: number;
  /** Posts before the time that `retry_after` named. */
  readonly tooEarly: number;
  /** Dead letters that the posts tell of, all together. */
  readonly told: number;
  /** Kinds that were told to be over. */
  readonly recovered: boolean;
  readonly ms: number;
};

const STORM = 1_000;
const BATCH = 100;

export async function proveAlerts(options: {
  kinds: number;
  busy: boolean;
  /** Of `discordAlerts`. */
  windowMs: number;
  checkMs: number;
}): Promise<AlertsReport> {
  const { kinds, busy, windowMs, checkMs } = options;
  const began = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'nexus-alerts-'));
  const discord = await startDiscord();
  const nexus = createNexus({ storage: join(folder, 'nexus.db'), logger: false });
  const alerts = discordAlerts(nexus, { webhookUrl: discord.url, windowMs, checkMs });
  try {
    nexus.onEvent('A', { name: 'mailer', retry: { maxAttempts: 1 }, concurrency: BATCH }, ({ n }) => {
      throw Object.assign(new Error('no'), { code: `E${Number(n) % kinds}` });
    });
    const diedAt: number[] = [];
    nexus.on('delivery:dead', () => {
      diedAt.push(performance.now());
      // What others post counts for as long as ours may come.
      if (busy && discord.answers.length === 0) discord.useUp();
    });
    await nexus.start();
    const storm = performance.now();
    for (let from = 0; from < STORM; from += BATCH) {
      await nexus.dispatchMany(
        Array.from({ length: BATCH }, (_, i) => ({ type: 'A', payload: { n: from + i } })),
      );
      // Spread over most of a second.
      await until(storm + ((from + BATCH) / STORM) * 800);
    }
    await nexus.idle();
    const told = (): number => discord.messages.reduce((sum, message) => sum + counted(message), 0);
    await settles(() => told() >= STORM, windowMs + 20_000);
    await nexus.deadLetters.discard({ limit: STORM });
    const isOver = (): boolean => JSON.stringify(discord.messages.at(-1)).includes('recovered: ');
    await settles(isOver, checkMs + windowMs + 20_000);
    const answers = (status: number): number => discord.answers.filter((each) => each === status).length;
    return {
      kinds,
      busy,
      dead: diedAt.length,
      withinMs: Math.round((diedAt.at(-1) ?? 0) - (diedAt[0] ?? 0)),
      posts: discord.messages.length,
      refused: answers(429),
      malformed: answers(400),
      tooEarly: discord.tooEarly(),
      told: told(),
      recovered: isOver(),
      ms: Math.round(performance.now() - began),
    };
  } finally {
    await nexus.close();
    await alerts.stop();
    await discord.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function until(at: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));
}

/** Looks until it is so, or for so long; who asks looks again. */
async function settles(holds: () => boolean, withinMs: number): Promise<void> {
  const last = performance.now() + withinMs;
  while (!holds() && performance.now() < last) await until(performance.now() + 50);
}
