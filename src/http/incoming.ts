/** A request, whatever the server. */
import type { Nexus, NexusWithIngress } from '../nexus.js';
import type { HeaderOf } from '../nodes/signatures.js';
import { formatAddress, type Address } from '../core/ip-address.js';
import type { Body } from './request-body.js';

/** What the routes need of a request. */
export type Incoming = {
  readonly method: string;
  /** Below the base path, without query. */
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
  /** What was sent twice is joined by `, `, so that it is not taken for what was sent once. */
  readonly header: HeaderOf;
  /** Whose it is; undefined where nobody knows. */
  readonly address: Address | undefined;
  body(): Promise<Body>;
};

/** The part of a Nexus that is served. */
export type Servable = Pick<
  Nexus,
  | 'audit'
  | 'deadLetters'
  | 'deliveries'
  | 'endpoints'
  | 'events'
  | 'explain'
  | 'health'
  | 'nodes'
  | 'reactors'
  | 'replay'
  | 'replays'
  | 'stats'
>;
export type Served = Servable & NexusWithIngress;

/** Whose it is, for people. */
export function ipOf({ address }: Pick<Incoming, 'address'>): string | undefined {
  return address && formatAddress(address);
}

/** Where a target leads. */
export type Place = Pick<Incoming, 'path' | 'query'>;

/** Undefined outside of the base. */
export function splitTarget(target: string, basePath: string): Place | undefined {
  // Done by hand: for a target that is absolute, or begins with two slashes, a URL parser takes the host from the target,
  // and with it the decision where a request belongs.
  const fragment = target.indexOf('#');
  const whole = fragment < 0 ? target : target.slice(0, fragment);
  const mark = whole.indexOf('?');
  const path = mark < 0 ? whole : whole.slice(0, mark);
  if (!path.startsWith(`${basePath}/`)) return undefined;
  return { path: path.slice(basePath.length), query: mark < 0 ? '' : whole.slice(mark + 1) };
}
