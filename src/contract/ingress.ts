/** The door through which the edges come in. */
import type { Claim, Proof } from '../nodes/authenticate.js';
import type { Act } from '../nodes/permissions.js';
import type { Dispatched } from './dispatch.js';
import type { AdminActed, AuthDenied } from './lifecycle.js';
import type { Live } from './live.js';
import type { HttpAnswered, LimitRefused } from './moments.js';

/** The door through which the edges come in. Not public: found under {@link ingress} so that two module copies agree. */
export const ingress: unique symbol = Symbol.for('@neo-protocol/nexus/ingress') as never;

/** What an edge may ask beyond the public interface. */
export interface Ingress {
  /** The node whose secret verifies these bytes, or undefined; without a name, nodes that allow it are tried. */
  authenticate(claim: Claim): Proof | undefined;
  /** The node whose token it is, or undefined. */
  bearer(token: string): string | undefined;
  /** Whether a node may, as things are now. */
  may(node: string, act: Act, type: string): boolean;
  /** Whether it may steer the host. */
  isAdmin(node: string): boolean;
  /**
   * Dispatches what an authenticated node said: its permission is checked, and what was signed is one event: by the
   * sender's key, the id of the message, the bytes. Rejects as `dispatch`.
   *
   * @throws NexusError NEXUS_PERMISSION_DENIED, at once
   */
  receive(received: {
    readonly proof: Proof;
    readonly type: string;
    readonly payload: unknown;
    readonly body: Uint8Array;
    readonly idempotencyKey?: string | undefined;
    readonly correlationId?: string | undefined;
    readonly headers?: Readonly<Record<string, string>> | undefined;
  }): Promise<Dispatched>;
  /** Someone was turned away. */
  denied(moment: AuthDenied): void;
  /** An admin had something done. */
  administered(moment: AdminActed): void;
  /** A request over HTTP was answered; the moment is made only when someone listens. */
  answered(moment: () => HttpAnswered): void;
  /** Someone sent too much. */
  limited(moment: () => LimitRefused): void;
  /** A request could not be answered for a reason that is nobody's business but the host's: it goes to its log. */
  failed(error: unknown): void;
  /** Calls the listener whenever who may what has changed. Returns its end. */
  onNodesChange(listener: () => void): () => void;
  /** Whether a node may read anything at all. */
  reads(node: string): boolean;
  /** The live end of the log. */
  readonly live: Live;
}

/** A Nexus with its back door. */
export interface NexusWithIngress {
  readonly [ingress]: Ingress;
}
