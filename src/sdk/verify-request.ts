/** Verifying what a Nexus sends: its webhooks, in the code that receives them. */
import type { AnyCatalogue, Catalogue } from '../core/catalogue.js';
import { NexusError } from '../core/errors.js';
import type { SignatureName } from '../nodes/node-config.js';
import { nexusSignature, type HeaderOf, type SignatureScheme } from '../nodes/signatures.js';
import { standardWebhooks } from '../nodes/standard-webhooks.js';
import { remoteEvent, type RemoteEventOf } from './remote-event.js';
import { checkSecret } from './sign-request.js';
import { bytesOf, withHmac } from './web-crypto.js';

/** Headers of a request as servers give them: `Headers`, or an object of Node, Express or a serverless platform. */
export type RequestHeaders =
  { get(name: string): string | null } | Readonly<Record<string, string | readonly string[] | undefined>>;

/** For `verifyRequest`. */
export interface VerifyRequestOptions {
  /**
   * Which signatures count; of two that are there, Standard Webhooks decides. `['standard']` alone refuses what was captured
   * longer than `toleranceMs` ago, also with its `webhook-` headers taken off. @default ['standard', 'nexus']
   */
  signatures?: readonly SignatureName[];
  /** How far the signed time may be from ours, either way, milliseconds. @default 300_000 */
  toleranceMs?: number;
  /** Our time, epoch ms. @default Date.now() */
  now?: number;
}

const DEFAULT_TOLERANCE_MS = 300_000;
const schemes: Readonly<Record<SignatureName, SignatureScheme>> = {
  standard: standardWebhooks(),
  nexus: nexusSignature(),
};

/**
 * The event of a webhook, once one of the secrets is proven to have signed these bytes. Give it the body as it came, before
 * any parser, and several secrets while one replaces the other. The same event may come again: deduplicate by its `id`.
 *
 * @example const event = await verifyRequest(await request.text(), request.headers, process.env.NEXUS_SECRET);
 * @throws NexusError NEXUS_UNAUTHENTICATED (`details.reason`: `missing`, `wrong` or `expired`), NEXUS_RAW_BODY_CONSUMED, NEXUS_INVALID_PAYLOAD, NEXUS_INVALID_OPTION
 */
export async function verifyRequest<E extends Catalogue = AnyCatalogue>(
  rawBody: string | Uint8Array | ArrayBuffer,
  headers: RequestHeaders,
  secrets: string | undefined | readonly (string | undefined)[],
  options: VerifyRequestOptions = {},
): Promise<RemoteEventOf<E>> {
  const {
    signatures = ['standard', 'nexus'],
    toleranceMs = DEFAULT_TOLERANCE_MS,
    now = Date.now(),
  } = options;
  if (typeof rawBody !== 'string' && !ArrayBuffer.isView(rawBody) && !(rawBody instanceof ArrayBuffer))
    throw new NexusError(
      'NEXUS_RAW_BODY_CONSUMED',
      'verifyRequest needs the body as it came, text or bytes; got something that was parsed. Use express.raw(), request.text() or req.rawBody',
    );
  const keys = typeof secrets === 'object' ? secrets : [secrets];
  if (keys.length === 0) checkSecret(undefined);
  const checked = keys.map((key) => {
    checkSecret(key);
    return key;
  });
  const body = bytesOf(rawBody);
  const header = headerOf(headers);
  // The stronger one decides: during a rotation the other may be made with a secret that is not known here yet.
  const [scheme] = [schemes.standard, schemes.nexus].filter(
    (each) => signatures.map(schemeOf).includes(each) && each.isPresent(header),
  );
  if (!scheme) throw unauthenticated('missing', `expected a signature (${signatures.join(', ')})`);
  // Verified at its own time, so that the right signature of another time is told from a wrong one.
  const signedAt = Number(header('webhook-timestamp')) * 1_000;
  const right = await withHmac((hmac) =>
    checked.map((secret) => scheme.verify({ body, header, secret, hmac, now: signedAt })),
  );
  if (!right.includes(true))
    throw unauthenticated('wrong', 'the signature is not that of this body under any of the secrets');
  if (scheme === schemes.standard && !(Math.abs(now - signedAt) <= toleranceMs))
    throw unauthenticated('expired', `signed more than ${toleranceMs} ms from now; is a clock wrong?`);
  return eventIn(body) as RemoteEventOf<E>;
}

function schemeOf(name: SignatureName): SignatureScheme {
  const scheme = schemes[name] as SignatureScheme | undefined;
  if (scheme) return scheme;
  throw new NexusError('NEXUS_INVALID_OPTION', "signatures must be a list of 'standard' and 'nexus'", {
    details: { option: 'signatures' },
  });
}

function eventIn(body: Uint8Array): ReturnType<typeof remoteEvent> {
  try {
    return remoteEvent(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)));
  } catch (cause) {
    throw new NexusError('NEXUS_INVALID_PAYLOAD', 'the body is signed, but is no event of a Nexus', {
      cause,
    });
  }
}

function headerOf(headers: RequestHeaders): HeaderOf {
  if (typeof headers.get === 'function') {
    const given = headers as { get(name: string): string | null };
    return (name) => given.get(name) ?? undefined;
  }
  const byName = new Map(
    Object.entries(headers as Record<string, string | readonly string[] | undefined>).map(
      ([name, value]) => [name.toLowerCase(), typeof value === 'object' ? value.join(', ') : value] as const,
    ),
  );
  return (name) => byName.get(name.toLowerCase());
}

function unauthenticated(reason: 'missing' | 'wrong' | 'expired', message: string): NexusError {
  return new NexusError('NEXUS_UNAUTHENTICATED', message, { details: { reason } });
}
