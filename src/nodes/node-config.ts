/** What is known of another node. */
import type { RetryPolicy } from '../core/retry.js';

/** A secret, and until when it counts. */
export interface NodeSecret {
  /** At least 16 bytes; `whsec_` and base64 where a Standard Webhooks library is on the other side. */
  secret: string;
  /** From this instant on it proves nothing, epoch ms. @default never */
  notAfter?: number;
}

/** A signature scheme that a node may use: the NEØ Protocol's, or Standard Webhooks 1.0. */
export type SignatureName = 'nexus' | 'standard';

/** A node's identity and permissions. Deny by default. */
export interface NodeConfig {
  /** At least 16 bytes each, none shared with another node; several at once while one is being replaced. May be empty where there are tokens. */
  secrets: (string | NodeSecret)[];
  /** The signature schemes it may use. @default ['nexus'] */
  signatures?: SignatureName[];
  /** Whether requests that do not name their node are tried against it. @default false */
  unnamed?: boolean;
  /** For how long the same bytes under the NEØ scheme, which signs no time, are the same event, milliseconds. @default for ever */
  replayProtectionMs?: number;
  /** Event types it may dispatch: names, `*`, or a prefix and `*`. @default [] */
  dispatch?: string[];
  /** Event types it may read, in the same forms; `nexus.` types by name, and with `admin` only. @default [] */
  subscribe?: string[];
  /** Bearer tokens with which it reads: 16 to 512 characters of `A-Z a-z 0-9 - . _ ~ + /`. Only their hashes are kept. @default [] */
  tokens?: string[];
  /** Where it wants its events delivered. @default nowhere */
  webhook?: NodeWebhook;
  /** Whether it may read the library's own types and errors of handlers, and steer the host where the HTTP handler serves `/admin/…`. @default false */
  admin?: boolean;
}

/** Where a node wants its events delivered. */
export interface NodeWebhook {
  /** https, without credentials; http as `allowHttp` and `allowPrivateNetwork` say. */
  url: string;
  /** Event types, in the forms of `subscribe` and among them. @default what it subscribes to */
  events?: string[];
  /** What signs the deliveries, one signature each; `whsec_` and base64 where a library verifies. @default the node's secrets, while they count */
  secrets?: (string | NodeSecret)[];
  /** Sent along: printable ASCII, none of the names that the webhook sends itself. @default {} */
  headers?: Record<string, string>;
  /** For the whole exchange, from the name's lookup to the end of the response, milliseconds, at most 300_000. @default 10_000 */
  timeoutMs?: number;
  /** @default 10 attempts: after 5 s, 30 s, 2 min, 10 min, 1 h, 3 h, 8 h, 16 h and 24 h, each lengthened by up to a tenth */
  retry?: RetryPolicy;
  /** Whether the address may be this host's or its network's (loopback, private, carrier-grade NAT, unique local), over http too. @default false */
  allowPrivateNetwork?: boolean;
  /** Whether it may be sent in the clear to public addresses. @default false */
  allowHttp?: boolean;
}
