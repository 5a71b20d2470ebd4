/**
 * Moves what hosts have committed to their outboxes into the log: read, append under the id it has had since it was
 * accepted, remove. Whatever happens in between, reading it again ends in the same event. A database does not tell when the
 * host's transaction is over, so after each write the forwarder looks on the next turn of the event loop, and again with
 * growing pauses while that transaction is open.
 */
import { describeFailure } from '../core/errors.js';
import type { Outbox, OutboxRow, Refusal } from '../storage/outbox.js';
import type { Appended } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { Committer } from './committer.js';
import type { Lifecycle } from './lifecycle.js';
import { nextTurn } from './next-turn.js';
import { toDraft } from './outbox-events.js';
import type { EngineParts } from './parts.js';
import { conflict } from './publish.js';
import type { Draft } from './work.js';

export interface Forwarder {
  /** From now on its rows are moved, those that wait already as well. */
  add(outbox: Outbox): void;
  /** The host has written to it, in a transaction that may be open. */
  wrote(outbox: Outbox): void;
  /** Looks into every outbox now. */
  look(): void;
  /** Whether everything that was found committed is in the log. */
  quiet(): boolean;
  /** What is wrong, for `health()`. */
  complaints(): Promise<string[]>;
  /** Moves nothing more; resolves when nothing is on its way. */
  stop(): Promise<void>;
}

const ROWS_AT_ONCE = 200;
const CHARACTERS_AT_ONCE = 1024 * 1024;
/** While the host's transaction is open. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 250;
/** While rows cannot be read or the log takes none. */
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 60_000;

/** An outbox and how far it is. */
type Station = {
  readonly outbox: Outbox;
  unsubscribe: () => void;
  running: Promise<void> | undefined;
  again: boolean;
  /** What is decided and still in the table. */
  forwarded: number[];
  refused: Refusal[];
  /** Looks in a row that came too early, and that failed. */
  early: number;
  failures: number;
  /** When to look again, epoch ms. */
  lookAt: number | undefined;
  trouble: unknown;
  /** After a batch was refused, the rows are said one by one, so that those before the culprit get through. */
  atOnce: number;
};

export function createForwarder(options: {
  parts: Pick<EngineParts, 'clock' | 'logger' | 'sha256' | 'randomHex' | 'autoStart'>;
  alarm: Alarm;
  committer: Committer;
  lifecycle: Lifecycle;
  isOpen: () => boolean;
  opened: () => Promise<unknown>;
  failed: (error: unknown) => void;
  pulse: () => void;
}): Forwarder {
  const { alarm, committer, lifecycle, isOpen, opened } = options;
  const { clock, logger } = options.parts;
  const stations = new Map<Outbox, Station>();
  let stopped = false;

  const kick = (station: Station): void => {
    if (stopped) return;
    station.again = true;
    station.lookAt = undefined;
    station.running ??= rounds(station).finally(() => {
      station.running = undefined;
      if (station.again) kick(station);
      options.pulse();
    });
  };

  const rounds = async (station: Station): Promise<void> => {
    // It changes while a round is awaited.
    const wantsAgain = (): boolean => station.again;
    do {
      // A transaction that is not held across turns is over by then, and what it wrote is one batch.
      await nextTurn();
      station.again = false;
    } while (((await round(station)) || wantsAgain()) && !stopped);
  };

  /** Whether there may be more to do at once. */
  const round = async (station: Station): Promise<boolean> => {
    const { outbox } = station;
    if (!outbox.isOpen()) return forget(station);
    let rows: readonly OutboxRow[] | 'later';
    try {
      if (!isOpen()) await opened();
      rows =
        (await tidy(station)) === 'later'
          ? 'later'
          : await outbox.read({ rows: station.atOnce, characters: CHARACTERS_AT_ONCE });
    } catch (error) {
      if (!stopped) options.failed(error);
      return lookLater(station, error);
    }
    if (rows === 'later') return lookLater(station);
    station.early = 0;
    try {
      if (rows.length > 0) await append(station, rows);
      station.failures = 0;
      station.trouble = undefined;
      station.atOnce = Math.min(station.atOnce * 2, ROWS_AT_ONCE);
      return rows.length > 0;
    } catch (error) {
      // The committer has told of it.
      station.atOnce = 1;
      return lookLater(station, error);
    }
  };

  const tidy = async (station: Station): Promise<'done' | 'later'> => {
    const { forwarded, refused } = station;
    if (forwarded.length + refused.length === 0) return 'done';
    const outcome = await station.outbox.finish({ forwarded, refused });
    if (outcome === 'done') {
      station.forwarded = [];
      station.refused = [];
    }
    return outcome;
  };

  const append = async (station: Station, rows: readonly OutboxRow[]): Promise<void> => {
    const drafts: Draft[] = [];
    const readable: OutboxRow[] = [];
    for (const row of rows) {
      try {
        drafts.push(toDraft(row, options.parts));
        readable.push(row);
      } catch (error) {
        refuse(station, row, error);
      }
    }
    if (drafts.length === 0) return;
    // One piece of work, so that they enter the log together and in their order, or not at all.
    const results = await new Promise<readonly Appended[]>((resolve, reject) => {
      const done = (all: readonly Appended[], from: number): void =>
        resolve(all.slice(from, from + drafts.length));
      committer.submit({ kind: 'append', events: drafts, done, failed: reject });
    });
    readable.forEach((row, i) => {
      const result = results[i];
      const draft = drafts[i];
      if (draft && result?.outcome === 'conflict') refuse(station, row, conflict(draft, result));
      else station.forwarded.push(row.row);
      if (result?.outcome !== 'duplicate' || result.id === row.id) return;
      lifecycle.tell('dispatch:duplicate', () => ({ id: result.id, type: row.type, source: row.source }));
    });
  };

  const refuse = (station: Station, { row, id, type }: OutboxRow, error: unknown): void => {
    const failure = describeFailure(error);
    const outbox = station.outbox.name;
    station.refused.push({ row, error: failure });
    lifecycle.tell('outbox:refused', () => ({ id, type, outbox, error }));
  };

  /** Because of an error, or because the host's transaction is open. */
  const lookLater = (station: Station, error?: unknown): false => {
    station.again = false;
    let pause: number;
    if (error === undefined) pause = Math.min(FIRST_PAUSE_MS * 2 ** station.early++, LONGEST_PAUSE_MS);
    else {
      station.trouble = error;
      pause = Math.min(FIRST_BACKOFF_MS * 2 ** station.failures++, LONGEST_BACKOFF_MS);
    }
    station.lookAt = clock.now() + pause;
    if (!stopped) alarm.noLaterThan('outbox', station.lookAt);
    return false;
  };
  alarm.when('outbox', () => {
    for (const station of stations.values()) {
      if (station.lookAt === undefined) continue;
      if (station.lookAt <= clock.now()) kick(station);
      else alarm.noLaterThan('outbox', station.lookAt);
    }
  });

  const forget = (station: Station): false => {
    station.unsubscribe();
    stations.delete(station.outbox);
    logger.warn(
      { outbox: station.outbox.name },
      'the connection of an outbox was closed; what is left in it waits until another one is given to within()',
    );
    return false;
  };

  const add = (outbox: Outbox): Station | undefined => {
    const known = stations.get(outbox);
    if (known || stopped || !outbox.isOpen()) return known;
    const station: Station = {
      outbox,
      unsubscribe: () => undefined,
      running: undefined,
      again: false,
      forwarded: [],
      refused: [],
      early: 0,
      failures: 0,
      lookAt: undefined,
      trouble: undefined,
      atOnce: ROWS_AT_ONCE,
    };
    const kickUnlessToWait = (): void => {
      if (isOpen() || options.parts.autoStart) kick(station);
    };
    station.unsubscribe = outbox.onChange(kickUnlessToWait);
    stations.set(outbox, station);
    kickUnlessToWait();
    return station;
  };

  return {
    add: (outbox) => void add(outbox),
    wrote: (outbox) => {
      const station = add(outbox);
      if (station) kick(station);
    },
    look: () => stations.forEach(kick),
    quiet: () => [...stations.values()].every(({ running }) => running === undefined),
    complaints: async () => {
      const all: string[] = [];
      for (const { outbox, trouble } of [...stations.values()]) {
        if (trouble !== undefined)
          all.push(`the outbox ${outbox.name} waits: ${describeFailure(trouble).message}`);
        const refused = await outbox.refused().catch(() => 0);
        if (refused > 0) all.push(`events refused and set aside in the outbox ${outbox.name}: ${refused}`);
      }
      return all;
    },
    stop: async () => {
      stopped = true;
      for (const { unsubscribe } of stations.values()) unsubscribe();
      for (const { running } of stations.values()) await running;
    },
  };
}
