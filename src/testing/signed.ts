/** Requests as other nodes sign them, to be posted at mounted handlers. */
import { randomUUID } from 'node:crypto';
import { NexusError } from '../core/errors.js';
import type { NodeConfig } from '../nodes/node-config.js';
import { signStandard } from '../nodes/standard-webhooks.js';
import { hmacSha256 } from '../hmac-sha256.js';

/** How a request is signed. */
export interface SignedOptions {
  /** Another secret than the node's first: a wrong one, say. @default the first of the node's `secrets` */
  secret?: string;
  /** The scheme. @default the first of the node's `signatures`, or 'nexus' */
  scheme?: 'nexus' | 'standard';
  /** The header of the `nexus` scheme. @default 'x-nexus-signature' */
  header?: string;
  /** The id of the message, for the `standard` scheme. @default a fresh one */
  id?: string;
}

/** A request that is signed: for fetch, inject, supertest. The body is to be sent byte for byte. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Signs a body as a node does. @throws NexusError NEXUS_NOT_FOUND (the node, or a secret of it) */
export function signRequest(
  nodes: Readonly<Record<string, NodeConfig>>,
  node: string,
  content: unknown,
  options: SignedOptions & { readonly now: number },
): SignedRequest {
  const config = nodes[node];
  const first = config?.secrets[0];
  const secret = options.secret ?? (typeof first === 'object' ? first.secret : first);
  if (secret === undefined) {
    const known = Object.keys(nodes).join(', ') || 'none';
    throw new NexusError(
      'NEXUS_NOT_FOUND',
      `no secret of node "${node}" is known, so nothing can be signed for it; nodes: ${known}. Add it to the nodes of createTestNexus, or pass { secret }`,
      { details: { node } },
    );
  }
  const body = typeof content === 'string' ? content : JSON.stringify(content);
  const bytes = new TextEncoder().encode(body);
  const common = { 'content-type': 'application/json', 'x-nexus-node': node };
  if ((options.scheme ?? config?.signatures?.[0] ?? 'nexus') === 'standard') {
    const id = options.id ?? `msg_${randomUUID()}`;
    const timestamp = String(Math.floor(options.now / 1_000));
    const signature = signStandard({ id, timestamp, body: bytes }, secret, hmacSha256);
    return {
      body,
      headers: {
        ...common,
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': signature,
      },
    };
  }
  const signature = Buffer.from(hmacSha256(secret, bytes)).toString('hex');
  return { body, headers: { ...common, [options.header ?? 'x-nexus-signature']: signature } };
}
