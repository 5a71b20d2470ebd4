/** Whether a node's webhook is what it must be: where it leads, what it sends along, how it is retried. */
import { retryPolicy } from '../core/retry.js';
import { checkFlag, checkKeys, checkMilliseconds } from './check-options.js';
import { checkTypes } from './check-types.js';
import { invalid } from './invalid.js';
import type { NodeWebhook } from './node-config.js';
import { refuseUrl } from './webhook-address.js';

const optionsOfWebhook = new Set<string>([
  'url',
  'events',
  'secrets',
  'headers',
  'timeoutMs',
  'retry',
  'allowPrivateNetwork',
  'allowHttp',
] satisfies (keyof NodeWebhook)[]);

/** The name of its reactor, `webhook:<node>`, has 200 characters at most. */
const LONGEST_NODE = 190;
const LONGEST_TIMEOUT_MS = 300_000;

/** Names of headers that a webhook sends itself, or that would change how the request is framed. */
const ours = new Set(
  `host connection keep-alive proxy-connection proxy-authorization te trailer transfer-encoding upgrade expect
   content-length content-type content-encoding user-agent`.split(/\s+/),
);
const isOurs = (name: string): boolean => ours.has(name) || /^(webhook|x-nexus)-/.test(name);

/** @throws NexusError NEXUS_INVALID_OPTION, NEXUS_ADDRESS_BLOCKED */
export function checkWebhook(node: string, name: string, webhook: NodeWebhook): void {
  const at = `${node}.webhook`;
  checkKeys(at, webhook, optionsOfWebhook, 'an object with a url');
  if (name.length > LONGEST_NODE)
    throw invalid(at, `a node whose name has at most ${LONGEST_NODE} characters`);
  checkFlag(`${at}.allowPrivateNetwork`, webhook.allowPrivateNetwork);
  checkFlag(`${at}.allowHttp`, webhook.allowHttp);
  const url = typeof webhook.url === 'string' && URL.canParse(webhook.url) ? new URL(webhook.url) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw invalid(`${at}.url`, 'an http or https URL without credentials');
  const refused = refuseUrl(url, at, webhook);
  if (refused) throw refused;
  checkTypes(`${at}.events`, webhook.events, { reserved: true });
  checkMilliseconds(`${at}.timeoutMs`, webhook.timeoutMs);
  if ((webhook.timeoutMs ?? 0) > LONGEST_TIMEOUT_MS)
    throw invalid(`${at}.timeoutMs`, `at most ${LONGEST_TIMEOUT_MS} milliseconds`);
  if (webhook.secrets !== undefined && (!Array.isArray(webhook.secrets) || webhook.secrets.length === 0))
    throw invalid(`${at}.secrets`, 'a list of at least one secret');
  if (webhook.retry !== undefined) retryPolicy(webhook.retry);
  checkHeaders(`${at}.headers`, webhook.headers);
}

function checkHeaders(option: string, headers: unknown): void {
  if (headers === undefined) return;
  const legal = ([name, value]: [string, unknown]): boolean =>
    /^[\w!#$%&'*+\-.^`|~]+$/.test(name) && typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value);
  // A line break in one would let it forge the next.
  if (typeof headers !== 'object' || headers === null || !Object.entries(headers).every(legal))
    throw invalid(option, 'names of headers with values of printable ASCII');
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  const taken = names.find((name, i) => isOurs(name) || names.indexOf(name) !== i);
  if (taken !== undefined)
    throw invalid(
      option,
      `each name once, and none that the webhook sends itself; got ${JSON.stringify(taken)}`,
    );
}
