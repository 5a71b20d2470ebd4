/** HMAC by Web Crypto, which is asynchronous, for the schemes of `nodes/`, which are not. */
import { NexusError } from '../core/errors.js';
import type { HmacSha256 } from '../nodes/signatures.js';

/**
 * Runs a synchronous function that needs HMACs: once to see which, and once with them. The schemes make this sound, for what
 * they compute does not depend on what comes out.
 */
export async function withHmac<T>(use: (hmac: HmacSha256) => T): Promise<T> {
  const asked: Promise<Uint8Array>[] = [];
  use((key, ...parts) => {
    asked.push(hmacSha256(key, parts));
    return new Uint8Array(32);
  });
  const macs = await Promise.all(asked);
  return use(() => macs.shift() ?? new Uint8Array(32));
}

async function hmacSha256(key: string | Uint8Array, parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const subtle = (globalThis.crypto as { readonly subtle?: SubtleCrypto } | undefined)?.subtle;
  if (subtle === undefined)
    throw new NexusError(
      'NEXUS_NOT_SUPPORTED',
      'there is no Web Crypto here: browsers have it on pages from https and localhost only',
    );
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await subtle.importKey('raw', joined([bytesOf(key)]), algorithm, false, ['sign']);
  return new Uint8Array(await subtle.sign('HMAC', imported, joined(parts)));
}

/** Text as its UTF-8 bytes. */
export function bytesOf(data: string | Uint8Array | ArrayBuffer): Uint8Array {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  return data instanceof Uint8Array ? data : new Uint8Array(data);
}

/** 128 random bits as hex digits; unlike `randomUUID` it is there on every page. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
