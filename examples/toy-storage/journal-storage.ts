/**
 * A storage adapter in one file of JSON lines. The state is kept by the memory adapter; every operation that changed it
 * is a line, with the instant at which it happened. Opening the file does them all again.
 */
import { NexusError, memoryStorage, type Clock, type Storage } from '@neo-protocol/nexus';
import { openJournal, type Journal } from './journal.js';

export interface JournalStorageOptions {
  /** The file; made where it is not there. One process at a time. */
  path: string;
  /** Decides leases and due times. @default the system's */
  clock?: Pick<Clock, 'now'>;
}

/** What a line says: the operation, its argument, and when. */
type Line = { readonly operation: Changing; readonly at: number; readonly argument: unknown };
type Changing =
  | 'open'
  | 'register'
  | 'schedule'
  | 'commit'
  | 'claim'
  | 'markStarted'
  | 'renew'
  | 'recover'
  | 'startReplay'
  | 'fanOutReplay'
  | 'sweep'
  | 'redact'
  | 'prune'
  | 'edit';

export function journalStorage({ path, clock }: JournalStorageOptions): Storage {
  let now = 0;
  const live = (): number => clock?.now() ?? Date.now();
  let state = memoryStorage({ clock: { now: () => now } });
  let journal: Journal | undefined;
  let logId = '';
  let broken = false;
  let last: Promise<unknown> = Promise.resolve();

  const opened = (): Journal => {
    if (journal && !broken) return journal;
    throw new NexusError('NEXUS_CLOSED', `the storage ${path} is not open`);
  };

  /** One after the other, so that the lines are in the order of the changes. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };

  /** Changes the state, then writes down how. Nothing is answered before the line is on disk. */
  const change = <T>(operation: Changing, argument: unknown, apply: () => Promise<T>): Promise<T> =>
    inTurn(async () => {
      const file = opened();
      now = live();
      const result = await apply();
      try {
        file.append(JSON.stringify({ operation, at: now, argument } satisfies Line));
      } catch (cause) {
        // The state is ahead of the file: nothing more may be answered from it.
        broken = true;
        throw new NexusError('NEXUS_STORAGE', `${path} could not be written; open it again to go on`, {
          cause,
          details: { path, retryable: false, outcome: 'unknown' },
        });
      }
      return result;
    });

  /** Does again what the lines say. The events that stood for lost ones are in them. */
  const replay = async (lines: readonly string[]): Promise<void> => {
    for (const line of lines) {
      const { operation, at, argument } = JSON.parse(line) as Line;
      now = at;
      await (state[operation] as (argument: unknown) => Promise<unknown>)(argument);
    }
  };

  const openFile = async (mode: 'run' | 'read'): Promise<void> => {
    const file = openJournal(path, mode);
    state = memoryStorage({ clock: { now: () => now } });
    broken = false;
    const [first, ...lines] = file.lines;
    if (first !== undefined) logId = (JSON.parse(first) as { logId: string }).logId;
    await replay(lines);
    journal = file;
  };

  return {
    capabilities: { durability: 'disk', processes: 'one', chain: true, outbox: true, backup: false },
    open: (options) =>
      inTurn(async () => {
        if (!journal || broken) await openFile(options.mode);
        if (options.mode === 'read') {
          const { head } = await state.open(options);
          return { logId, head };
        }
        const { instance, leaseMs, mode } = options;
        const known = logId !== '';
        now = live();
        const entered = await state.open(options);
        if (!known) {
          // The log is known by the name that the state was born with.
          logId = entered.logId;
          opened().append(JSON.stringify({ logId }));
        }
        opened().append(
          JSON.stringify({
            operation: 'open',
            at: now,
            argument: { instance, leaseMs, mode },
          } satisfies Line),
        );
        return { ...entered, logId };
      }),
    register: (registration) => change('register', registration, () => state.register(registration)),
    schedule: (registration) => change('schedule', registration, () => state.schedule(registration)),
    commit: (batch) => change('commit', batch, () => state.commit(batch)),
    claim: (wants) => change('claim', wants, () => state.claim(wants)),
    markStarted: (leases) => change('markStarted', leases, () => state.markStarted(leases)),
    renew: () => change('renew', undefined, () => state.renew()),
    recover: (options) => change('recover', options, () => state.recover(options)),
    startReplay: (replaying) => change('startReplay', replaying, () => state.startReplay(replaying)),
    fanOutReplay: (page) => change('fanOutReplay', page, () => state.fanOutReplay(page)),
    sweep: (sweep) => change('sweep', finite(sweep), () => state.sweep(sweep)),
    redact: async (redaction) => ({
      ...(await change('redact', redaction, () => state.redact(redaction))),
      // The line with which the payload came is still in the file: a real adapter overwrites it.
      complete: false,
    }),
    prune: (step) => change('prune', step, () => state.prune(step)),
    edit: (edit) => change('edit', edit, () => state.edit(edit)),
    nextDueInMs: async (reactors, lane) => {
      opened();
      now = live();
      return await state.nextDueInMs(reactors, lane);
    },
    get read() {
      opened();
      now = live();
      const { read } = state;
      return { ...read, origin: async () => ({ ...(await read.origin()), logId }) };
    },
    backup: async () => {
      throw new NexusError('NEXUS_NOT_SUPPORTED', 'copy the file while it is closed');
    },
    // Nobody else may write: there is nothing to tell.
    onChange: (hint) => state.onChange(hint),
    onTrouble: (tell) => state.onTrouble(tell),
    close: () =>
      inTurn(async () => {
        const closing = journal;
        journal = undefined;
        await state.close();
        closing?.close();
      }),
  };
}

/** JSON has no word for "for ever". */
function finite<T extends object>(argument: T): T {
  return Object.fromEntries(
    Object.entries(argument).map(([key, value]) => [
      key,
      value === Infinity ? Number.MAX_VALUE : (value as unknown),
    ]),
  ) as T;
}
