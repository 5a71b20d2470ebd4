/** HMAC-SHA256 with Node's hashes, for what is proven and signed here. */
import { createHmac, hash } from 'node:crypto';
import type { HmacSha256 } from './nodes/signatures.js';

/**
 * As RFC 2104 has it, of two whole hashes: an object of Node's for each message costs twice as much, not least when it is
 * collected. What is too long for that is left to Node.
 */
export const hmacSha256: HmacSha256 = (key, ...parts) => {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytes.length > BLOCK_BYTES || length > MOST_BYTES) return hmacOfNode(bytes, parts);
  pad(inner, bytes, 0x36);
  let end = BLOCK_BYTES;
  for (const part of parts) {
    inner.set(part, end);
    end += part.length;
  }
  pad(outer, bytes, 0x5c);
  outer.write(hash('sha256', inner.subarray(0, end), 'hex'), BLOCK_BYTES, 'hex');
  return Buffer.from(hash('sha256', outer, 'hex'), 'hex');
};

const BLOCK_BYTES = 64;
const MOST_BYTES = 16_384;
/** Written anew by each call: the padded key and what is hashed after it. */
const inner = Buffer.alloc(BLOCK_BYTES + MOST_BYTES);
const outer = Buffer.alloc(BLOCK_BYTES + 32);

function pad(block: Buffer, key: Uint8Array, mask: number): void {
  for (let i = 0; i < BLOCK_BYTES; i++) block[i] = (key[i] ?? 0) ^ mask;
}

function hmacOfNode(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}
