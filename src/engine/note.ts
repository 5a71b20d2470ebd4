/** The events that the log keeps about itself: of a reserved type, said by the host. */
import { hashPayload } from '../core/chain.js';
import type { StoredEvent } from '../core/event.js';
import { UUID_RANDOM_DIGITS, uuidv7 } from '../core/ids.js';
import type { NewEvent } from '../storage/storage.js';
import type { EngineParts } from './parts.js';

/** Makes such an event; `about` is the event that it is about, whose child it becomes. */
export type MakeNote = (
  type: string,
  payload: Readonly<Record<string, unknown>>,
  about?: Pick<StoredEvent, 'id' | 'correlationId'>,
) => NewEvent;

export function createNotes({
  clock,
  randomHex,
  sha256,
  node,
}: Pick<EngineParts, 'clock' | 'randomHex' | 'sha256' | 'node'>): MakeNote {
  return (type, said, about) => {
    const timestamp = clock.now();
    const id = uuidv7(timestamp, randomHex(UUID_RANDOM_DIGITS));
    const salt = randomHex(32);
    const payload = JSON.stringify(said);
    return {
      id,
      type,
      source: node,
      timestamp,
      correlationId: about?.correlationId ?? id,
      causationId: about?.id ?? null,
      headers: null,
      schemaVersion: 1,
      notBefore: null,
      salt,
      payload,
      payloadHash: hashPayload(sha256, salt, payload),
      keys: [],
      onOther: 'conflict',
      idGiven: false,
    };
  };
}
