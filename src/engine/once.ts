/** What a handler does once for an event, however often it runs: `ctx.once` and the keys it gives to remote APIs. */
import { utf8Length, type Sha256 } from '../core/chain.js';
import { NexusError } from '../core/errors.js';
import type { OnceRecord, Storage } from '../storage/storage.js';
import { leaseLost } from './lease-lost.js';
import { deliveryId, type Held } from './local-reactor.js';
import type { OnceWork } from './work.js';

export interface Memory {
  /** What the effect resolved to, now or in an earlier attempt. */
  once<R>(held: Held, key: string, effect: () => Promise<R> | R): Promise<R>;
  /** The same for every attempt of this reactor at this event. */
  idempotencyKey(held: Held, key: string): string;
}

const MAX_KEY_CHARACTERS = 200;
const MAX_RESULT_BYTES = 65_536;
/** A result of undefined: JSON has no word for it. */
const NOTHING = '';

export function createMemory({
  storage,
  sha256,
  submit,
}: {
  storage: Storage;
  sha256: Sha256;
  submit: (work: OnceWork) => void;
}): Memory {
  /** In the next commit, with whatever else there is: an effect costs no commit of its own. */
  const save = (record: OnceRecord): Promise<'saved' | 'lease_lost'> =>
    new Promise((done, failed) => submit({ kind: 'once', record, events: [], done, failed }));

  return {
    once: async <R>(held: Held, key: string, effect: () => Promise<R> | R): Promise<R> => {
      checkKey('once', key);
      const { reactor, seq } = held.lease;
      const run = memoryRun(held);
      const known = await storage.read.once({ reactor, seq, run, key });
      if (known !== undefined) return decode(known) as R;
      if (held.phase === 'over') throw leaseLost(deliveryId(held.lease));
      const result = encode(key, await effect());
      const saved = await save({ lease: held.lease, run, key, result });
      if (saved === 'lease_lost') throw leaseLost(deliveryId(held.lease));
      return decode(result) as R;
    },
    idempotencyKey: (held, key) => {
      checkKey('idempotencyKey', key);
      const { name } = held.reactor.settings;
      const place = JSON.stringify([name, held.event.id, memoryRun(held), key]);
      return `nexus_${sha256(`nexus.idempotency.v1\n${place}`).slice(0, 40)}`;
    },
  };
}

/** A fresh replay remembers for itself; every other run shares what the live one knows. */
function memoryRun({ lease, fresh }: Held): number {
  return fresh ? lease.run : 0;
}

function encode(key: string, result: unknown): string {
  if (result === undefined) return NOTHING;
  const text = toJson(key, result);
  if (text === undefined) throw unusable(key, `a ${typeof result} cannot be written as JSON`);
  const bytes = utf8Length(text);
  if (bytes > MAX_RESULT_BYTES)
    throw unusable(key, `it is ${bytes} bytes of JSON, the limit is ${MAX_RESULT_BYTES}`);
  return text;
}

/** Undefined where there is no JSON for it, which the type of `JSON.stringify` does not say: functions and symbols. */
function toJson(key: string, result: unknown): string | undefined {
  try {
    return JSON.stringify(result);
  } catch (cause) {
    throw unusable(key, 'it cannot be written as JSON', cause);
  }
}

function decode(text: string): unknown {
  return text === NOTHING ? undefined : JSON.parse(text);
}

function unusable(key: string, why: string, cause?: unknown): NexusError {
  return new NexusError(
    'NEXUS_INVALID_OPTION',
    `the result of ctx.once("${key}") cannot be remembered: ${why}; return only what a later attempt needs, such as an id`,
    { details: { key }, cause },
  );
}

function checkKey(method: string, key: unknown): void {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_CHARACTERS && key.isWellFormed())
    return;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    `the key of ctx.${method} must be 1 to ${MAX_KEY_CHARACTERS} characters; got ${typeof key === 'string' ? `${key.length} characters` : typeof key}`,
    { details: { option: 'key' } },
  );
}
