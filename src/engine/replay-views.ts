/** Replays as stored, as the public interface shows them. */
import type { Replay, ReplayedReactor, ReplayProgress, ReplayReport } from '../nexus.js';
import type { ReplayRow, Storage } from '../storage/storage.js';

export function progressOf(row: ReplayRow): ReplayProgress {
  const each = Math.max(0, row.until - row.after);
  let done = 0;
  for (const { position, removed, open } of row.reactors)
    done += (removed ? each : position - row.after) - open;
  return { run: row.run, done, total: each * row.reactors.length };
}

export async function toReplay(storage: Storage, row: ReplayRow): Promise<Replay> {
  const { done, total } = progressOf(row);
  return {
    run: row.run,
    state: row.state,
    fresh: row.fresh,
    from: row.after + 1,
    to: row.until,
    fromAt: row.fromAt ?? undefined,
    toAt: row.toAt ?? undefined,
    types: row.types ?? undefined,
    createdAt: row.createdAt,
    finishedAt: row.finishedAt ?? undefined,
    done,
    total,
    reactors: await toReactors(storage, row),
  };
}

export async function toReport(
  storage: Storage,
  row: ReplayRow,
  state: 'done' | 'cancelled',
): Promise<ReplayReport> {
  return { run: row.run, state, fresh: row.fresh, reactors: await toReactors(storage, row) };
}

async function toReactors(storage: Storage, { run, reactors }: ReplayRow): Promise<ReplayedReactor[]> {
  return await Promise.all(
    reactors.map(async ({ reactor, reactorName, created, skipped, open }) => ({
      reactor: reactorName,
      events: created,
      skipped,
      open,
      dead: await storage.read.deadIn({ reactor, run }),
      before: undefined,
    })),
  );
}
