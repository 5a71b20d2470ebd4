/** A request of Node's servers, as the routes see it. */
import type { IncomingMessage } from 'node:http';
import type { ClientAddress } from '../core/client-address.js';
import type { Address } from '../core/ip-address.js';
import type { HeaderOf } from '../nodes/signatures.js';
import type { Incoming, Place } from './incoming.js';
import { headerOf } from './node-header.js';
import { readNodeBody, type Body, type BodyLimits } from './request-body.js';

/** What requests are read with. */
export type Reading = { readonly clientOf: ClientAddress; readonly limits: BodyLimits };

/** A class, for there is one per request: what may be asked of it are no closures, but for the one that is handed on. */
export class NodeRequest implements Incoming {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly header: HeaderOf;
  readonly #request: IncomingMessage;
  /** Asked at once: of a connection that has ended nobody knows any more. */
  readonly #peer: string | undefined;
  readonly #reading: Reading;

  constructor(request: IncomingMessage, { path, query }: Place, reading: Reading) {
    this.method = request.method ?? 'GET';
    this.path = path;
    this.query = query;
    this.header = headerOf.bind(undefined, request);
    this.#request = request;
    this.#peer = request.socket.remoteAddress;
    this.#reading = reading;
  }

  get address(): Address | undefined {
    return this.#reading.clientOf(this.#peer, this.header('x-forwarded-for'));
  }

  body(): Promise<Body> {
    return readNodeBody(this.#request, this.#reading.limits);
  }
}
