/** Signature schemes: pure functions of raw bytes, headers and a secret. The HMAC and the time are passed in. */
import { equalsHex } from './constant-time.js';

/** HMAC-SHA256 of the bytes, one part after the other, under a key (text stands for its UTF-8 bytes), as raw bytes. */
export type HmacSha256 = (key: string | Uint8Array, ...parts: readonly Uint8Array[]) => Uint8Array;

/** A header of a request, by its name in any case; what was sent twice is joined by `, `. */
export type HeaderOf = (name: string) => string | undefined;

/** How a request proves who sent it. */
export interface SignatureScheme {
  /** For messages and docs; `standard` for Standard Webhooks. */
  readonly name: string;
  /** True when the request carries a signature of this scheme, right or wrong. */
  isPresent(header: HeaderOf): boolean;
  /** True when the signature is well-formed and right; the work is the same whatever came. */
  verify(request: SignedRequest): boolean;
  /** The id of the message, where the scheme signs one. */
  idOf?(header: HeaderOf): string | undefined;
}

/** What a scheme verifies. */
export interface SignedRequest {
  readonly body: Uint8Array;
  /** A header by its name; undefined where it is not there. */
  readonly header: HeaderOf;
  readonly secret: string;
  /** HMAC-SHA256, for the scheme has no crypto of its own. */
  readonly hmac: HmacSha256;
  /** Epoch ms. */
  readonly now: number;
}

/** For `nexusSignature`. */
export interface NexusSignatureOptions {
  /** Where the signature is; of several headers the first that is there counts. @default 'X-Nexus-Signature' */
  header?: string | readonly string[];
}

/**
 * The scheme of the NEØ Protocol: `X-Nexus-Signature: <64 hex digits>`, optionally after `sha256=`, is the HMAC-SHA256 of
 * the raw body under the secret's bytes. Several header names: the first that is there counts.
 *
 * @example nexusSignature({ header: ['X-Nexus-Signature', 'X-FlowPay-Signature'] })
 */
export function nexusSignature(options: NexusSignatureOptions = {}): SignatureScheme {
  const { header: given = 'X-Nexus-Signature' } = options;
  return bodySignature({
    name: 'nexus',
    headers: typeof given === 'string' ? [given] : given,
    // Checked before anything is decoded: a decoder of hex would ignore what follows the digits.
    wellFormed: /^(?:sha256=)?([0-9a-f]{64})$/,
    equals: equalsHex,
  });
}

/** A scheme that signs the body and nothing else. */
export function bodySignature(scheme: {
  readonly name: string;
  readonly headers: readonly string[];
  /** Its first group is the signature. */
  readonly wellFormed: RegExp;
  /** Looks at all of the bytes, whatever the text is. */
  readonly equals: (mac: Uint8Array, given: string) => boolean;
}): SignatureScheme {
  const { name, headers, wellFormed, equals } = scheme;
  const valueOf = (header: HeaderOf): string | undefined => {
    for (const each of headers) {
      const value = header(each);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  return {
    name,
    isPresent: (header) => valueOf(header) !== undefined,
    verify: ({ body, header, secret, hmac }) =>
      // A malformed signature costs as much as a wrong one, so that its time does not tell them apart.
      equals(hmac(secret, body), wellFormed.exec(valueOf(header) ?? '')?.[1] ?? ''),
  };
}
