/** Signing what is sent to a Nexus, or as one. */
import { NexusError } from '../core/errors.js';
import { hexOf } from '../nodes/constant-time.js';
import type { SignatureName } from '../nodes/node-config.js';
import { isBrokenStandardKey, signStandard } from '../nodes/standard-webhooks.js';
import { bytesOf, randomId, withHmac } from './web-crypto.js';

/** For `signRequest`. */
export interface SignRequestOptions {
  /** Named in `X-Nexus-Node`; `POST /events` wants it. @default none */
  node?: string;
  /** `nexus` signs the body, `standard` (Standard Webhooks 1.0) id and time as well. @default ['nexus'] */
  signatures?: readonly SignatureName[];
  /** The `webhook-id`: the same for all attempts at one message. @default a random one */
  id?: string;
  /** The `webhook-timestamp`, epoch ms. @default now */
  timestamp?: number;
}

/**
 * The headers that prove who sends a body. Send the very bytes that were signed: a body that is serialised again has others.
 *
 * @example
 * const body = JSON.stringify({ event: 'PAYMENT_RECEIVED', payload });
 * const headers = { 'content-type': 'application/json', ...(await signRequest(body, secret, { node: 'flowpay' })) };
 * await fetch('https://bus.example/nexus/events', { method: 'POST', body, headers });
 * @throws NexusError NEXUS_INVALID_OPTION, NEXUS_NOT_SUPPORTED (no Web Crypto)
 */
export async function signRequest(
  body: string | Uint8Array | ArrayBuffer,
  secret: string,
  options: SignRequestOptions = {},
): Promise<Record<string, string>> {
  const { node, signatures = ['nexus'], id = `msg_${randomId()}`, timestamp: at = Date.now() } = options;
  checkSecret(secret);
  const bytes = bytesOf(body);
  const timestamp = String(Math.floor(at / 1_000));
  return await withHmac((hmac) => ({
    ...(node !== undefined && { 'X-Nexus-Node': node }),
    ...(signatures.includes('nexus') && { 'X-Nexus-Signature': hexOf(hmac(secret, bytes)) }),
    ...(signatures.includes('standard') && {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signStandard({ id, timestamp, body: bytes }, secret, hmac),
    }),
  }));
}

/** Refuses what is no secret, without saying it. @throws NexusError NEXUS_INVALID_OPTION */
export function checkSecret(secret: unknown): asserts secret is string {
  if (typeof secret === 'string' && secret !== '' && !isBrokenStandardKey(secret)) return;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    'a secret must be a text that is not empty, with base64 after whsec_ if it begins so; is an environment variable unset?',
    { details: { option: 'secret' } },
  );
}
