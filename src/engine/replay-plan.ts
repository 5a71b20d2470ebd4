/** The dry run of a replay: what would run, and what was dispatched before. Reads only, page by page. */
import type { ReplayedReactor, ReplayProgress, ReplayReport } from '../nexus.js';
import type { ReactorRow, ReplayScope, Storage } from '../storage/storage.js';
import { childKey } from './context.js';
import { nextTurn } from './next-turn.js';
import { replayEvents } from './replay-scope.js';

const PAGE = 500;

export async function planReplay(
  storage: Storage,
  scope: ReplayScope,
  reactors: readonly ReactorRow[],
  how: { readonly tell: (progress: ReplayProgress) => void; readonly signal: AbortSignal | undefined },
): Promise<ReplayReport> {
  const each = Math.max(0, scope.until - scope.after);
  const total = each * reactors.length;
  const planned: ReplayedReactor[] = [];
  for (const reactor of reactors) {
    const before = planned.length * each;
    planned.push(
      await planReactor(storage, scope, reactor, (position) => {
        how.tell({ run: undefined, done: before + position - scope.after, total });
        how.signal?.throwIfAborted();
      }),
    );
  }
  return { run: undefined, state: 'dry-run', fresh: scope.fresh, reactors: planned };
}

async function planReactor(
  storage: Storage,
  scope: ReplayScope,
  reactor: ReactorRow,
  passed: (position: number) => void,
): Promise<ReplayedReactor> {
  let events = 0;
  let skipped = 0;
  let once = 0;
  const children = new Map<string, number>();
  for (let after = scope.after; after < scope.until;) {
    const page = await replayEvents(storage, scope, reactor, { after, limit: PAGE });
    const found = await storage.read.footprint({
      reactor: reactor.key,
      events: page.events,
      childKey: childKey(reactor.name),
    });
    skipped += found.inProgress.length;
    events += page.events.length - found.inProgress.length;
    once += found.once;
    for (const { type, count } of found.children) children.set(type, (children.get(type) ?? 0) + count);
    after = page.to;
    passed(after);
    await nextTurn();
  }
  const types = [...children].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    reactor: reactor.name,
    events,
    skipped,
    open: 0,
    dead: 0,
    before: { children: types.map(([type, count]) => ({ type, count })), once },
  };
}
