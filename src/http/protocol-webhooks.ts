/** The webhooks of the protocol's own nodes, in the forms they post today. */
import { nexusSignature } from '../nodes/signatures.js';
import type { Mapped, WebhookSource } from './webhook-source.js';

type Body = Readonly<Record<string, unknown>>;

/**
 * FlowPay posts `{ orderId, amount, currency, payerId, status, metadata }`, or `{ transactionId, amount, payerId }`.
 * `confirmed` and `completed` (and no status) mean that the payment was received.
 */
const flowpay: WebhookSource = {
  node: 'flowpay',
  signature: nexusSignature({ header: ['X-Nexus-Signature', 'X-FlowPay-Signature'] }),
  map: (body): Mapped => {
    const metadata = objectOf(body.metadata);
    const orderId = body.orderId ?? body.transactionId;
    const { amount, currency, payerId } = body;
    // Another body that is signed with the same secret (a webhook of ours, posted back) must not pass for a payment.
    if (orderId === undefined) throw new TypeError('expected orderId, or transactionId');
    const common = withoutUndefined({ orderId, amount, currency, payerId });
    switch (statusOf(body) ?? 'confirmed') {
      case 'confirmed':
      case 'completed':
        return {
          event: 'PAYMENT_RECEIVED',
          // A `confirmed` and the `completed` that follows it are one payment, under one key. What may differ between
          // them goes into the headers, which are not compared; a second post with other money is refused as the
          // conflict it is.
          payload: common,
          headers: notes(metadata),
          ...keyOf('paid', orderId),
        };
      case 'failed':
        return {
          event: 'PAYMENT_FAILED',
          payload: withoutUndefined({ ...common, reason: metadata.reason }),
          ...keyOf('failed', orderId),
        };
      case 'pending':
        return { ignored: 'the payment is pending' };
      default:
        throw new TypeError(
          `status: expected confirmed, completed, failed or pending; got ${JSON.stringify(body.status)}`,
        );
    }
  },
};

/**
 * The Smart Factory posts `{ contractAddress, status, metadata: { orderId, txHash, recipient, amount, error } }`, or
 * `{ contractAddress, txHash }` when tokens were minted.
 */
const factory: WebhookSource = {
  node: 'factory',
  map: (body): Mapped => {
    const metadata = objectOf(body.metadata);
    const { contractAddress } = body;
    const { orderId, recipient, amount, error } = metadata;
    const txHash = metadata.txHash ?? body.txHash;
    if (contractAddress === undefined) throw new TypeError('expected contractAddress');
    switch (statusOf(body) ?? 'confirmed') {
      case 'confirmed':
        return {
          event: 'MINT_CONFIRMED',
          payload: withoutUndefined({ contractAddress, txHash, orderId, recipient, amount }),
          ...keyOf('minted', txHash),
        };
      case 'deployed':
        return {
          event: 'CONTRACT_DEPLOYED',
          payload: withoutUndefined({ contractAddress, txHash }),
          ...keyOf('deployed', contractAddress),
        };
      case 'failed':
        return {
          event: 'MINT_FAILED',
          payload: withoutUndefined({ contractAddress, orderId, recipient, amount, error }),
        };
      case 'pending':
        return { ignored: 'the mint is pending' };
      default:
        throw new TypeError(
          `status: expected deployed, confirmed, failed or pending; got ${JSON.stringify(body.status)}`,
        );
    }
  },
};

/**
 * The webhooks of the protocol's nodes: `POST /webhook/flowpay` and `POST /webhook/factory`. The nodes `flowpay` and
 * `factory` must be among the `nodes` of the Nexus.
 *
 * @example createHttpHandler(nexus, { webhooks: { ...protocolWebhooks, shop: mySource } })
 */
export const protocolWebhooks = { flowpay, factory } as const satisfies Record<string, WebhookSource>;

function statusOf(body: Body): string | undefined {
  const { status } = body;
  return typeof status === 'string' ? status.toLowerCase() : status === undefined ? undefined : 'invalid';
}

/** The same notification, sent again by the provider, is one event. */
function keyOf(what: string, id: unknown): { idempotencyKey?: string } {
  return typeof id === 'string' && id.length > 0 && id.length <= 200
    ? { idempotencyKey: `${what}:${id}` }
    : {};
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The short texts among a provider's metadata, as headers of the event. */
function notes(metadata: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(metadata).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' &&
      entry[1].length <= 200 &&
      !/\p{C}/u.test(entry[0] + entry[1]) &&
      entry[0].length <= 50,
  );
  return Object.fromEntries(texts.slice(0, 20));
}
