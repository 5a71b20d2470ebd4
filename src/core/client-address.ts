/** Whose request it is: the peer, or whom the proxies that are trusted say they speak for. */
import { NexusError } from './errors.js';
import { isWithin, parseAddress, parseRange, type Address, type AddressRange } from './ip-address.js';

/** Undefined where nothing tells. */
export type ClientAddress = (
  peer: string | undefined,
  forwardedFor: string | undefined,
) => Address | undefined;

/**
 * `trustProxy`: how many proxies stand before this server, or which addresses they have. `X-Forwarded-For` is read from
 * its end, where the nearest proxy wrote; what lies before the last one that is trusted was written by anybody.
 *
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function createClientAddress(trustProxy: number | readonly string[]): ClientAddress {
  const isTrusted = trustOf(trustProxy);
  /** The last one, for most requests come over a connection, or from a proxy, that has just brought others. */
  let last: { readonly peer: string | undefined; readonly address: Address | undefined } = {
    peer: undefined,
    address: undefined,
  };
  return (peer, forwardedFor) => {
    if (peer !== last.peer) last = { peer, address: peer === undefined ? undefined : parseAddress(peer) };
    let client = last.address;
    if (forwardedFor === undefined) return client;
    const said = forwardedFor.split(',');
    for (let hop = 0; said.length > 0 && isTrusted(client, hop); hop++) {
      const before = parseAddress(said.pop() ?? '');
      // What cannot be read names nobody: then it is the proxy that answers for it.
      if (!before) break;
      client = before;
    }
    return client;
  };
}

function trustOf(
  trustProxy: number | readonly string[],
): (address: Address | undefined, hop: number) => boolean {
  if (typeof trustProxy === 'number') {
    if (!Number.isInteger(trustProxy) || trustProxy < 0 || trustProxy > 100) throw invalid(trustProxy);
    return (_address, hop) => hop < trustProxy;
  }
  if (!Array.isArray(trustProxy)) throw invalid(trustProxy);
  const ranges = (trustProxy as readonly unknown[]).map((each): AddressRange => {
    const range = typeof each === 'string' ? parseRange(each) : undefined;
    if (!range) throw invalid(each);
    return range;
  });
  return (address) => address !== undefined && ranges.some((range) => isWithin(range, address));
}

function invalid(got: unknown): NexusError {
  return new NexusError(
    'NEXUS_INVALID_OPTION',
    `trustProxy must be a number of hops from 0 to 100, or a list of addresses and CIDR ranges; got ${JSON.stringify(got)}`,
    { details: { option: 'trustProxy' } },
  );
}
