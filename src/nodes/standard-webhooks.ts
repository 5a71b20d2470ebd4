/** Standard Webhooks 1.0: id, time and body are signed, so that a captured request is worth five minutes. */
import { base64Of, equalInConstantTime, fromBase64 } from './constant-time.js';
import type { HmacSha256, SignatureScheme } from './signatures.js';

/** How far the time of a message may be from ours, either way, milliseconds. */
const TOLERANCE_MS = 300_000;
const PREFIX = 'whsec_';
/** More than anybody's secrets in rotation; a header of thousands is not worked through. */
const MOST_SIGNATURES = 16;

const legalId = /^[\x21-\x7e]{1,256}$/;
const legalTime = /^\d{1,12}$/;
/** Signatures of a version, as the spec has it, in a list with single spaces. */
const wellFormed = /^[a-z0-9]+,[A-Za-z0-9+/=]+(?: [a-z0-9]+,[A-Za-z0-9+/=]+)*$/;

/**
 * Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` (seconds, ±300) and `webhook-signature` (`v1`, several are
 * allowed). The key is the base64 part of a `whsec_…` secret, otherwise the secret's bytes.
 *
 * @example const source = { node: 'shop', signature: standardWebhooks(), map };
 */
export function standardWebhooks(): SignatureScheme {
  return {
    name: 'standard',
    isPresent: (header) => header('webhook-signature') !== undefined,
    idOf: (header) => header('webhook-id'),
    verify: ({ body, header, secret, hmac, now }) => {
      const id = header('webhook-id') ?? '';
      const timestamp = header('webhook-timestamp') ?? '';
      const given = header('webhook-signature') ?? '';
      // All of the work is done for all of the requests: what is wrong with one must not show in its time.
      const expected = signStandard({ id, timestamp, body }, secret, hmac);
      let fits = false;
      for (const each of given.split(' ', MOST_SIGNATURES))
        fits = equalInConstantTime(expected, each) || fits;
      const legal = legalId.test(id) && legalTime.test(timestamp) && wellFormed.test(given);
      return fits && legal && Math.abs(now - Number(timestamp) * 1_000) <= TOLERANCE_MS;
    },
  };
}

/** A signature as it stands in `webhook-signature`: `v1,<base64>`. */
export function signStandard(
  message: { readonly id: string; readonly timestamp: string; readonly body: Uint8Array },
  secret: string,
  hmac: HmacSha256,
): string {
  const head = utf8.encode(`${message.id}.${message.timestamp}.`);
  return `v1,${base64Of(hmac(standardKey(secret) ?? secret, head, message.body))}`;
}

/** The bytes of a `whsec_` secret; undefined for one that is none, or no base64. */
export function standardKey(secret: string): Uint8Array | undefined {
  return secret.startsWith(PREFIX) ? fromBase64(secret.slice(PREFIX.length)) : undefined;
}

/** True for a secret that says it is base64 and is not. */
export function isBrokenStandardKey(secret: string): boolean {
  return secret.startsWith(PREFIX) && standardKey(secret) === undefined;
}

const utf8 = new TextEncoder();
