/** Removes the beginning of the log, in steps too short to be felt. */
import { invalidArgument, optionsArgument } from '../core/arguments.js';
import { PRUNED_TYPE } from '../core/chain-walk.js';
import { NexusError } from '../core/errors.js';
import type { Audit, Checkpoint, PruneReport } from '../nexus.js';
import type { NewEvent, Storage } from '../storage/storage.js';
import { checkpointArgument } from './checkpoint-argument.js';
import type { MakeNote } from './note.js';

/** About 4 ms of work in one transaction. */
const ROWS = 250;
/** From step to step: most of the time belongs to what the host does. */
const PAUSE_MS = 10;

export function createPruning(options: {
  readonly storage: Storage;
  readonly note: MakeNote;
  readonly opened: () => Promise<unknown>;
  readonly noted: (id: string) => Promise<void>;
}): Audit['prune'] {
  const { storage, opened } = options;
  let line: Promise<unknown> = Promise.resolve();

  const prune = async (wanted: number, vouched: number): Promise<PruneReport> => {
    const to = Math.min(wanted, vouched);
    let note: NewEvent | undefined = options.note(PRUNED_TYPE, { to });
    let removed = 0;
    for (;;) {
      const step = await storage.prune({ to, rows: ROWS, note });
      removed += step.removed;
      if (note && step.removed > 0) {
        await options.noted(note.id);
        note = undefined;
      }
      const { base, heldBy } = step;
      if (heldBy !== undefined) return { removed, base, heldBy };
      if (step.removed === 0 || base >= to)
        return { removed, base, heldBy: vouched < wanted ? 'checkpoint' : undefined };
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };

  return async (given) => {
    const { before, checkpoint } = optionsArgument(given);
    const bound = boundArgument(before);
    const kept = checkpoint === undefined ? undefined : checkpointArgument(checkpoint);
    await opened();
    const run = line.then(async () => {
      const vouched = kept ? await agreeing(storage, kept) : await handedOut(storage);
      return await prune(await lastBefore(storage, bound), vouched);
    });
    line = run.catch(() => undefined);
    return await run;
  };
}

function boundArgument(before: unknown): number | Date {
  if (before instanceof Date && !Number.isNaN(before.getTime())) return before;
  if (typeof before === 'number' && Number.isSafeInteger(before) && before >= 0) return before;
  throw invalidArgument('before', 'a seq from 0 on, or a valid Date', before);
}

/** The last place below a `seq`, or before the first event that is not older than an instant. */
async function lastBefore({ read }: Storage, before: number | Date): Promise<number> {
  const { seq: head } = await read.head();
  if (typeof before === 'number') return Math.min(before - 1, head);
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: Awaited<ReturnType<typeof read.events>> = await read.events({
      from: before.getTime(),
      after,
      limit: 1,
    });
    const [first] = page.items;
    if (first) return first.seq - 1;
    after = page.next;
  }
  return head;
}

/** How far a checkpoint vouches for this log. @throws NexusError NEXUS_CHECKPOINT_MISSING */
async function agreeing({ read }: Storage, { logId, seq, hash }: Checkpoint): Promise<number> {
  const origin = await read.origin();
  const [event] = await read.chain({ after: seq - 1, limit: 1 });
  const here = event?.seq === seq ? event.hash : undefined;
  if (origin.logId === logId && here === hash) return seq;
  throw new NexusError(
    'NEXUS_CHECKPOINT_MISSING',
    `the checkpoint at seq ${seq} does not agree with the log, so it does not stand for what would be removed; verify the log with it`,
    { details: { seq, logId: origin.logId } },
  );
}

async function handedOut({ read }: Storage): Promise<number> {
  const { checkpointed } = await read.origin();
  if (checkpointed > 0) return checkpointed;
  throw new NexusError(
    'NEXUS_CHECKPOINT_MISSING',
    'no checkpoint of this log was taken, so nothing would prove later what was removed; call audit.checkpoint() and keep what it gives elsewhere, then prune',
  );
}
