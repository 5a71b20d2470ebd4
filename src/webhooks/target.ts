/** Where a node's deliveries go at present, and what it is sent. */
import type { NodeSecret } from '../nodes/node-config.js';
import { commonTypes, may } from '../nodes/permissions.js';
import type { Member } from '../nodes/roll.js';
import { isReservedType } from '../core/event.js';
import type { RetryPolicy } from '../core/retry.js';
import type { Destination } from '../nodes/webhook-address.js';

export type Target = {
  readonly node: string;
  readonly url: URL;
  readonly types: readonly string[];
  readonly secrets: readonly NodeSecret[];
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy | undefined;
  readonly destination: Destination;
};

const DEFAULT_TIMEOUT_MS = 10_000;

export function targetOf(member: Member | undefined): Target | undefined {
  const webhook = member?.webhook;
  if (!webhook) return undefined;
  const { name, subscribe = [] } = member;
  const url = new URL(webhook.url);
  const { allowPrivateNetwork = false, allowHttp = false } = webhook;
  return {
    node: name,
    url,
    types: commonTypes(webhook.events ?? subscribe, subscribe).filter(
      (type) => !isReservedType(type) || may(member, 'read', type),
    ),
    secrets: webhook.secrets ?? member.secrets,
    headers: webhook.headers ?? {},
    timeoutMs: webhook.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    retry: webhook.retry,
    destination: {
      allowance: { allowPrivateNetwork, allowHttp },
      secure: url.protocol === 'https:',
      at: `nodes.${name}.webhook`,
    },
  };
}

/** True when deliveries that are on their way may go on, and the reactor may stay as it is. Secrets and headers may differ. */
export function isSameTarget(one: Target, other: Target): boolean {
  const shape = ({ url, types, timeoutMs, destination }: Target): string =>
    JSON.stringify([url.href, types, timeoutMs, destination]);
  return shape(one) === shape(other) && isSameRetry(one.retry, other.retry);
}

function isSameRetry(one: RetryPolicy = {}, other: RetryPolicy = {}): boolean {
  const { backoff } = one;
  if (typeof backoff === 'function' && backoff !== other.backoff) return false;
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(policy: RetryPolicy): [string, unknown][] {
  return Object.entries(policy)
    .map(([key, value]): [string, unknown] => [key, typeof value === 'function' ? 'function' : value])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
