/** What is sent: the same bytes for every attempt, with headers that sign them anew. */
import { hexOf } from '../nodes/constant-time.js';
import type { NodeSecret } from '../nodes/node-config.js';
import type { HmacSha256 } from '../nodes/signatures.js';
import { signStandard } from '../nodes/standard-webhooks.js';
import type { NexusEvent } from '../core/event.js';

/** Of an event, what a receiver is told. */
export type Told = Pick<NexusEvent, 'id' | 'type' | 'payload' | 'timestamp' | 'seq' | 'source'>;

export type Message = {
  /** The event's id: the same for every attempt, and what a receiver deduplicates by. */
  readonly id: string;
  readonly type: string;
  readonly body: Uint8Array;
};

export function messageOf({ id, type, payload, timestamp, seq, source }: Told): Message {
  const text = JSON.stringify({
    id,
    event: type,
    payload,
    timestamp: new Date(timestamp).toISOString(),
    seq,
    source,
  });
  return { id, type, body: utf8.encode(text) };
}

/** Those that count at an instant, in their order: the newest is the first. */
export function activeSecrets(secrets: readonly NodeSecret[], now: number): readonly string[] {
  return secrets.filter(({ notAfter = Infinity }) => now < notAfter).map(({ secret }) => secret);
}

/** Ours come last, so that nothing of a configuration takes their place. */
export function headersOf(options: {
  readonly message: Message;
  /** The delivery and its attempt. */
  readonly delivery: string;
  /** At least one. */
  readonly secrets: readonly string[];
  readonly custom: Readonly<Record<string, string>>;
  readonly now: number;
  readonly hmac: HmacSha256;
}): Record<string, string> {
  const { message, delivery, secrets, custom, now, hmac } = options;
  const { id, type, body } = message;
  const timestamp = String(Math.floor(now / 1_000));
  const [newest = ''] = secrets;
  return {
    ...custom,
    'content-type': 'application/json',
    'user-agent': 'neo-nexus-webhook/1',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets
      .map((secret) => signStandard({ id, timestamp, body }, secret, hmac))
      .join(' '),
    'x-nexus-signature': hexOf(hmac(newest, body)),
    // A type may have letters that a header cannot; the body has it as it is.
    'x-nexus-event': type.replace(/[^\x21-\x7e]+/g, encodeURIComponent),
    'x-nexus-delivery': delivery,
  };
}

const utf8 = new TextEncoder();
