/** Acknowledged events that the storage has no more: what the log says of them, and who is told. */
import { hashPayload } from '../core/chain.js';
import { UUID_RANDOM_DIGITS, uuidv7 } from '../core/ids.js';
import type { Lost, NewEvent } from '../storage/storage.js';
import type { Lifecycle } from './lifecycle.js';
import type { EngineParts } from './parts.js';

export interface Loss {
  /** The event that stands in the log for what is missing. */
  gap(lost: Lost): NewEvent;
  /** Something is missing: says so, and goes on saying so in `health()`. */
  found(lost: Lost): void;
  reasons(): readonly string[];
}

const GAP = 'nexus.log.gap';

export function createLoss({ clock, randomHex, sha256, node }: EngineParts, lifecycle: Lifecycle): Loss {
  const reasons: string[] = [];
  return {
    gap: (lost) => {
      const timestamp = clock.now();
      const id = uuidv7(timestamp, randomHex(UUID_RANDOM_DIGITS));
      const salt = randomHex(32);
      const { from, to, events, hash } = lost;
      const payload = JSON.stringify({ from, to, lost: events, lastHash: hash });
      return {
        id,
        type: GAP,
        source: node,
        timestamp,
        correlationId: id,
        causationId: null,
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
    },
    found: ({ events, from, to }) => {
      const reason = `${events} acknowledged events are missing from the log (seq ${from} to ${to})`;
      reasons.push(reason);
      lifecycle.tell('log:lost', () => ({ events, from, to }));
    },
    reasons: () => reasons,
  };
}
