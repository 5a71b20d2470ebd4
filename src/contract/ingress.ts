/** The door through which the edges come in. */
import type { SignatureScheme } from '../nodes/signatures.js';
import type { Dispatched } from './dispatch.js';

/** The door through which the edges come in. Not public: found under {@link ingress} so that two module copies agree. */
export const ingress: unique symbol = Symbol.for('@neo-protocol/nexus/ingress') as never;

/** What an edge may ask beyond the public interface. */
export interface Ingress {
  /** The node whose secret verifies these bytes, or undefined; without a name, nodes that allow it are tried. */
  authenticate(claim: {
    readonly node: string | undefined;
    readonly scheme: SignatureScheme;
    readonly body: Uint8Array;
    readonly header: (name: string) => string | undefined;
  }): string | undefined;
  /**
   * Dispatches what an authenticated node said: its permission is checked, and the bytes of its request are one event
   * for ever. Throws as `dispatch`.
   */
  receive(received: {
    readonly node: string;
    readonly type: string;
    readonly payload: unknown;
    readonly body: Uint8Array;
    readonly idempotencyKey?: string;
    readonly correlationId?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }): Promise<Dispatched>;
}

/** A Nexus with its back door. */
export interface NexusWithIngress {
  readonly [ingress]: Ingress;
}
