/** What every case works with: instances on one log, their clock, and events to say. */
import { createHash, randomUUID } from 'node:crypto';
import { hashPayload } from '../../core/chain.js';
import { uuidv7 } from '../../core/ids.js';
import type { NewEvent, OpenOptions, Storage } from '../../storage/storage.js';
import { createInstance, type Instance } from './instance.js';

/** One set of data, empty at first, and ways to reach it. */
export interface StorageFixture {
  /** Another storage on this data, not yet open: what a further process would have. */
  storage(): Storage;
  /** The time these storages see: it stands still until it is told to pass. */
  readonly clock: {
    /** Epoch milliseconds. */
    now(): number;
    /** May return a promise. */
    advance(ms: number): unknown;
  };
  /** Ends a storage as SIGKILL ends its process: it gives nothing back. Without this, deaths are shown by leases that run out. */
  kill?(storage: Storage): unknown;
  /** Erases salt and payload of a stored event. Without it, `erasing` is to be skipped. */
  erase?(eventId: string): unknown;
  /** Takes the last events, and all that came of them, out of closed data, as a damaged disk would. Without it, `losing` is to be skipped. */
  lose?(events: number): unknown;
  /** Called last, with every storage closed. */
  cleanup(): Promise<void>;
}

/** How long the instances' leases last, milliseconds. */
export const LEASE_MS = 30_000;

export interface Rig {
  readonly clock: StorageFixture['clock'];
  /** Another instance on the same data, open. */
  open(options?: Partial<OpenOptions>): Promise<Instance>;
  /** Another storage on the same data, not open. */
  storage(): Storage;
  /** The instance's process dies. Time may pass. */
  crash(instance: Instance): Promise<void>;
  erase(eventId: string): Promise<void>;
  /** The last events are lost. Everything is closed. */
  lose(events: number): Promise<void>;
  /** An event nobody has said yet. */
  event(fields?: Partial<NewEvent>): NewEvent;
  events(count: number, fields?: Partial<NewEvent>): NewEvent[];
  end(): Promise<void>;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function createRig(fixture: StorageFixture): Rig {
  const { clock } = fixture;
  const storages: Storage[] = [];
  let said = 0;

  const storage = (): Storage => {
    const one = fixture.storage();
    storages.push(one);
    return one;
  };
  const event = (fields: Partial<NewEvent> = {}): NewEvent => {
    said += 1;
    const id = fields.id ?? uuidv7(clock.now(), said.toString(16).padStart(19, '0'));
    const salt = fields.salt ?? said.toString(16).padStart(32, '0');
    const payload = fields.payload ?? `{"n":${said}}`;
    return {
      id,
      type: 'T',
      source: 'node',
      timestamp: clock.now(),
      correlationId: id,
      causationId: null,
      headers: null,
      schemaVersion: 1,
      notBefore: null,
      payloadHash: hashPayload(sha256, salt, payload),
      keys: [],
      onOther: 'conflict',
      idGiven: false,
      ...fields,
      salt,
      payload,
    };
  };

  return {
    clock,
    storage,
    open: async (options = {}) => {
      const one = storage();
      await one.open({ instance: randomUUID(), leaseMs: LEASE_MS, mode: 'run', ...options });
      return createInstance(one);
    },
    crash: async (instance) => {
      if (fixture.kill) await fixture.kill(instance.storage);
      else await clock.advance(LEASE_MS + 1);
    },
    erase: async (eventId) => {
      if (!fixture.erase) throw new Error('the fixture cannot erase: skip "erasing", with the reason');
      await fixture.erase(eventId);
    },
    lose: async (events) => {
      if (!fixture.lose) throw new Error('the fixture cannot lose events: skip "losing", with the reason');
      await fixture.lose(events);
    },
    event,
    events: (count, fields) => Array.from({ length: count }, () => event(fields)),
    end: async () => {
      for (const one of storages) await one.close();
      await fixture.cleanup();
    },
  };
}
