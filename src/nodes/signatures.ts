/** Signature schemes: pure functions of raw bytes, headers and a secret. The HMAC is passed in. */

/** HMAC-SHA256 of the bytes under a key of text, as raw bytes. */
export type HmacSha256 = (key: string, data: Uint8Array) => Uint8Array;

/** How a request proves who sent it. */
export interface SignatureScheme {
  /** For messages and docs. */
  readonly name: string;
  /** True when the signature is well-formed and right; decided in constant time once it is well-formed. */
  verify(request: {
    readonly body: Uint8Array;
    readonly header: (name: string) => string | undefined;
    readonly secret: string;
    readonly hmac: HmacSha256;
  }): boolean;
}

/** Checked before anything is decoded: `Buffer.from(hex)` would ignore what follows the digits. */
const wellFormed = /^(?:sha256=)?([0-9a-f]{64})$/;

/**
 * The scheme of the NEØ Protocol: `X-Nexus-Signature: <64 hex digits>`, optionally after `sha256=`, is the HMAC-SHA256 of
 * the raw body under the secret's bytes. Several header names: the first that is there counts.
 *
 * @example nexusSignature({ header: ['X-Nexus-Signature', 'X-FlowPay-Signature'] })
 */
export function nexusSignature(options: { header?: string | readonly string[] } = {}): SignatureScheme {
  const { header: given = 'X-Nexus-Signature' } = options;
  const names = typeof given === 'string' ? [given] : given;
  return {
    name: 'nexus',
    verify: ({ body, header, secret, hmac }) => {
      const value = names.map((name) => header(name)).find((each) => each !== undefined);
      const digits = wellFormed.exec(value ?? '')?.[1];
      // The work is the same whatever came, so that a malformed signature is not told from a wrong one by its time.
      return equalInConstantTime(hexOf(hmac(secret, body)), digits ?? '');
    },
  };
}

function hexOf(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

/** Compares every character of the expected text, whatever the other holds. */
function equalInConstantTime(expected: string, given: string): boolean {
  let difference = expected.length ^ given.length;
  for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ (given.charCodeAt(i) || 0);
  return difference === 0;
}
