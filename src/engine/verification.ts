/** Recomputes the chain from what is stored, a page at a time, and compares it with checkpoints. */
import { createChainWalk, payloadOf, PRUNED_TYPE, REDACTED_TYPE, type Link } from '../core/chain-walk.js';
import type { Sha256 } from '../core/chain.js';
import { NexusError } from '../core/errors.js';
import type { StoredEvent } from '../core/event.js';
import type { AuditReason, AuditReport, Checkpoint, VerifyProgress } from '../nexus.js';
import type { Origin, Storage } from '../storage/storage.js';
import { nextTurn } from './next-turn.js';

/** A few milliseconds of work; then whatever else waits has its turn. */
const PAGE = 500;

export type Verification = {
  readonly storage: Pick<Storage, 'read'>;
  readonly sha256: Sha256;
  /** Where it begins, where that is not the first event there is. */
  readonly from: number | undefined;
  readonly checkpoints: readonly Checkpoint[];
  readonly tell: (progress: VerifyProgress) => void;
  readonly signal?: AbortSignal | undefined;
};

type Fault = { readonly seq: number; readonly reason: AuditReason };

export async function verifyLog(options: Verification): Promise<AuditReport> {
  const { read } = options.storage;
  for (;;) {
    const origin = await read.origin();
    const report = await verifyFrom(options, origin);
    // Pruned meanwhile, it begins elsewhere: what was missed was taken away in order.
    if (report.ok || (await read.origin()).base.seq === origin.base.seq) return report;
  }
}

async function verifyFrom(options: Verification, origin: Origin): Promise<AuditReport> {
  const { storage, sha256, from } = options;
  const { read } = storage;
  const { base, logId } = origin;
  const began = performance.now();
  const start = await startOf(read, base, from);
  const walk = createChainWalk(sha256, start);
  const comparison = createComparison(options.checkpoints, start);
  let limit = PAGE;
  let redacted = 0;
  /** How far up removing the beginning was announced. */
  let announced = 0;

  /** The fault of the first bad row, and the rows before it whose payload is gone. */
  const scan = (page: readonly StoredEvent[]): { fault: Fault | undefined; erased: StoredEvent[] } => {
    const erased: StoredEvent[] = [];
    for (const row of page) {
      const before = walk.at.seq;
      const fault = walk.step(row) ?? comparison.pass(walk.at, before);
      if (fault) return { fault, erased };
      if (row.payload === null) erased.push(row);
      else if (row.type === PRUNED_TYPE) announced = Math.max(announced, announcedBy(row));
    }
    return { fault: undefined, erased };
  };

  /** What cannot be read as a page is read event by event, up to the one that it is. */
  const readPage = async (after: number): Promise<readonly StoredEvent[]> => {
    try {
      return await read.chain({ after, limit });
    } catch (error) {
      if (!isDamage(error) || limit === 1) throw error;
      limit = 1;
      return await read.chain({ after, limit });
    }
  };

  const walkThrough = async (): Promise<Fault | undefined> => {
    if (options.checkpoints.some((checkpoint) => checkpoint.logId !== logId))
      return { seq: base.seq + 1, reason: 'foreign' };
    const [lowest] = await read.chain({ after: -Number.MAX_SAFE_INTEGER, limit: 1 });
    if (lowest && lowest.seq <= base.seq) return { seq: lowest.seq, reason: 'base' };
    const differs = comparison.pass(start, start.seq);
    if (differs) return differs;
    const { seq: head } = await read.head();
    const total = Math.max(0, head - start.seq);
    while (walk.at.seq < head) {
      options.signal?.throwIfAborted();
      const page = await readPage(walk.at.seq);
      if (page.length === 0) return { seq: walk.at.seq + 1, reason: 'missing' };
      const { fault, erased } = scan(page);
      for (const row of erased) {
        if (!(await isNoted(read, row))) return { seq: row.seq, reason: 'erased' };
        redacted += 1;
      }
      if (fault) return fault;
      options.tell({ done: Math.min(total, walk.at.seq - start.seq), total });
      await nextTurn();
    }
    if (comparison.left()) return { seq: walk.at.seq + 1, reason: 'truncated' };
    // The note may be below where it began.
    if (from === undefined && base.seq > announced) return { seq: announced + 1, reason: 'base' };
    return undefined;
  };

  let fault: Fault | undefined;
  try {
    fault = await walkThrough();
  } catch (error) {
    if (!isDamage(error)) throw error;
    fault = { seq: walk.at.seq + 1, reason: 'unreadable' };
  }
  const extent = {
    logId,
    from: start.seq + 1,
    to: walk.at.seq,
    hash: walk.at.hash,
    events: walk.rows,
    redacted,
    gaps: walk.gaps,
    base: base.seq,
    ...comparison.result(),
    ms: Math.round(performance.now() - began),
  };
  if (!fault) return { ...extent, ok: true, firstBad: undefined };
  return { ...extent, ok: false, firstBad: { ...fault, message: sentence(fault, logId) } };
}

/** The link that is taken for granted: the base, or the event before the one to begin at. */
async function startOf(read: Storage['read'], base: Link, from: number | undefined): Promise<Link> {
  if (from === undefined || from <= base.seq + 1) return base;
  const [before] = (await read.events({ before: from, limit: 1 })).items;
  return before && before.seq > base.seq ? { seq: before.seq, hash: before.hash } : base;
}

/** Checkpoints, compared one by one as the walk comes to them. */
type Comparison = {
  /** The walk has come to a place, from the one before: those up to it are compared. */
  pass(at: Link, before: number): Fault | undefined;
  /** Some were not come to. */
  left(): boolean;
  result(): Pick<AuditReport, 'checkpoints' | 'vouchedTo'>;
};

function createComparison(checkpoints: readonly Checkpoint[], start: Link): Comparison {
  const usable = checkpoints.filter(({ seq }) => seq >= start.seq).sort((a, b) => a.seq - b.seq);
  let next = 0;
  let vouchedTo = 0;
  return {
    pass: (at, before) => {
      for (let one = usable[next]; one && one.seq <= at.seq; one = usable[++next]) {
        // It was among events that were lost.
        if (one.seq < at.seq) return { seq: before + 1, reason: 'missing' };
        if (one.hash !== at.hash) return { seq: at.seq, reason: 'checkpoint' };
        vouchedTo = one.seq;
      }
      return undefined;
    },
    left: () => next < usable.length,
    result: () => ({
      checkpoints: { matched: next, unusable: checkpoints.length - usable.length },
      vouchedTo,
    }),
  };
}

function announcedBy({ seq, payload }: StoredEvent): number {
  const to = payloadOf(payload)?.to;
  return typeof to === 'number' && to < seq ? to : 0;
}

/** Whether the log says that this event was redacted. */
async function isNoted(read: Storage['read'], { id, seq }: StoredEvent): Promise<boolean> {
  for (let after: number | undefined = seq; after !== undefined;) {
    const page: Awaited<ReturnType<typeof read.events>> = await read.events({
      types: [REDACTED_TYPE],
      causationId: id,
      after,
      limit: 10,
    });
    if (page.items.some((note) => payloadOf(note.payload)?.seq === seq)) return true;
    after = page.next;
  }
  return false;
}

function isDamage(error: unknown): boolean {
  return NexusError.is(error, 'NEXUS_STORAGE_CORRUPT') || NexusError.is(error, 'NEXUS_STORAGE_FOREIGN');
}

function sentence({ seq, reason }: Fault, logId: string): string {
  const sentences: Readonly<Record<AuditReason, string>> = {
    payload: `the payload of event ${seq} is not what it was when it was logged`,
    hash: `event ${seq} is not what was logged there: its fields, or the event before it, were changed`,
    missing: `events are missing from seq ${seq} on`,
    truncated: `the log ends before the checkpoint: what was at seq ${seq} and above is gone, or this is an older copy`,
    checkpoint: `the log has another history than the checkpoint at seq ${seq}: events up to there were changed and hashed anew, or this is a copy that went on by itself`,
    foreign: `the checkpoint is of another log than this one (${logId})`,
    base: `events from seq ${seq} on were cut off from the beginning, or put there, and the log does not say so`,
    erased: `the payload of event ${seq} was erased, and the log does not say so`,
    unreadable: `the storage cannot read what is at seq ${seq}`,
  };
  return sentences[reason];
}
