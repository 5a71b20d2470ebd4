/** Providers that post bodies of their own. */
import type { SignatureScheme } from '../nodes/signatures.js';

/** What a provider's body means: an event, or nothing. */
export type Mapped =
  | {
      readonly event: string;
      readonly payload: unknown;
      readonly idempotencyKey?: string;
      readonly correlationId?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly ignored: string };

/** How `POST /webhook/<name>` is understood. */
export interface WebhookSource {
  /** The node it comes from: its secrets verify the body, its permissions count. */
  node: string;
  /** How the body is signed. A node that may use Standard Webhooks may sign so as well. @default nexusSignature(), where the node may use it */
  signature?: SignatureScheme;
  /**
   * Translates the verified body. Throwing means that the body is not what was agreed, and is answered with 422. Headers
   * are not signed, except for those of Standard Webhooks: take nothing from them that decides, no key above all.
   */
  map(body: Readonly<Record<string, unknown>>, header: (name: string) => string | undefined): Mapped;
}
