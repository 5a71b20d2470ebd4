/** Where webhooks may go: the one decision for what a configuration names, what a name resolves to, and what was dialled. */
import { scopeOf } from '../core/address-scope.js';
import { NexusError } from '../core/errors.js';
import { parseAddress } from '../core/ip-address.js';
import type { NodeWebhook } from './node-config.js';

/** What an operator allows beyond https to the public Internet. */
export type Allowance = Pick<NodeWebhook, 'allowPrivateNetwork' | 'allowHttp'>;

/** How it is asked for, and by whom. */
export type Destination = {
  readonly allowance: Allowance;
  readonly secure: boolean;
  /** What messages call the options: `nodes.shop.webhook`. */
  readonly at: string;
};

/** Why an address may not be dialled, or undefined. The error names the option that would allow it, where there is one. */
export function refuseAddress(address: string, to: Destination): NexusError | undefined {
  const { allowance, secure, at } = to;
  const parsed = parseAddress(address);
  const { scope, name } = parsed ? scopeOf(parsed) : { scope: 'never', name: 'no IP address' };
  const isPrivate = scope === 'private';
  if (scope === 'never')
    return blocked(`${at}: ${address} (${name}) is never dialled; no option allows it`, {
      address,
      range: name,
    });
  if (isPrivate && allowance.allowPrivateNetwork !== true)
    return blocked(
      `${at}: ${address} (${name}) is not on the public Internet; set ${at}.allowPrivateNetwork to true if it is meant`,
      { address, range: name, option: `${at}.allowPrivateNetwork` },
    );
  if (!secure && !isPrivate && allowance.allowHttp !== true)
    return blocked(
      `${at}: ${address} would be sent to in the clear; use https, or set ${at}.allowHttp to true if it is meant`,
      { address, range: name, option: `${at}.allowHttp` },
    );
  return undefined;
}

/** Why a URL may not be a webhook's, as far as that is known before its name is resolved. It must be legal and http or https. */
export function refuseUrl(url: URL, at: string, allowance: Allowance): NexusError | undefined {
  const secure = url.protocol === 'https:';
  const literal = literalOf(url);
  if (literal !== undefined) return refuseAddress(literal, { allowance, secure, at });
  if (secure || allowance.allowHttp === true || allowance.allowPrivateNetwork === true) return undefined;
  return blocked(
    `${at}: http sends in the clear; use https, or set ${at}.allowHttp to true (${at}.allowPrivateNetwork allows it there) if it is meant`,
    { option: `${at}.allowHttp` },
  );
}

/** The address that a URL names. It is read by the URL standard first: `127.1`, `0x7f.1` and `2130706433` are one address. */
function literalOf({ hostname }: Pick<URL, 'hostname'>): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return parseAddress(bare) ? bare : undefined;
}

function blocked(message: string, details: Readonly<Record<string, unknown>>): NexusError {
  return new NexusError('NEXUS_ADDRESS_BLOCKED', message, { details });
}
