/** The signatures of other providers: an HMAC of the body in a header of theirs. */
import { NexusError } from '../core/errors.js';
import { base64Of, equalInConstantTime, equalsHex } from './constant-time.js';
import { bodySignature, type SignatureScheme } from './signatures.js';

/** For `hmacSignature`. */
export interface HmacSignatureOptions {
  /** The header that carries it. */
  header: string;
  /** What stands before it. @default '' */
  prefix?: string;
  /** @default 'hex' */
  encoding?: 'hex' | 'base64';
}

/**
 * HMAC-SHA256 of the raw body under the node's secret, as many providers send it. It signs no time: the same bytes are
 * one event for ever, and headers are not signed, so take nothing from them that decides.
 *
 * @example hmacSignature({ header: 'X-Hub-Signature-256', prefix: 'sha256=' })
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function hmacSignature(options: HmacSignatureOptions): SignatureScheme {
  const { header, prefix = '', encoding = 'hex' } = options;
  if (typeof header !== 'string' || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(header))
    throw invalid('header', 'the name of a header', header);
  if (typeof prefix !== 'string' || !/^[\x20-\x7e]*$/.test(prefix))
    throw invalid('prefix', 'printable ASCII', prefix);
  const form = forms[encoding] as (typeof forms)['hex'] | undefined;
  if (form === undefined) throw invalid('encoding', "'hex' or 'base64'", encoding);
  return bodySignature({
    name: `hmac ${header}`,
    headers: [header],
    wellFormed: new RegExp(`^${prefix.replace(/[^A-Za-z0-9]/g, '\\$&')}(${form.pattern})$`),
    equals: form.equals,
  });
}

const forms = {
  hex: { pattern: '[0-9a-f]{64}', equals: equalsHex },
  base64: {
    pattern: '[A-Za-z0-9+/]{43}=',
    equals: (mac: Uint8Array, given: string) => equalInConstantTime(base64Of(mac), given),
  },
} as const;

function invalid(option: string, expected: string, got: unknown): NexusError {
  return new NexusError(
    'NEXUS_INVALID_OPTION',
    `hmacSignature: ${option} must be ${expected}; got ${JSON.stringify(got)}`,
    { details: { option, expected } },
  );
}
