/**
 * The HTTP edge: signed ingress and health, mountable on the server the host already has.
 *
 * @module @neo-protocol/nexus/http
 */
export { createHttpHandler } from './http-handler.js';
export type { HttpHandler } from '../contract/http-handler.js';
export type { EventStreamOptions, HttpHandlerOptions } from './options.js';
export type { Servable } from './incoming.js';
export type { MetricsSource } from './metrics.js';
export { protocolWebhooks } from './protocol-webhooks.js';
export type { Mapped, WebhookSource } from './webhook-source.js';
export { hmacSignature, type HmacSignatureOptions } from '../nodes/hmac-signature.js';
export {
  nexusSignature,
  type HeaderOf,
  type HmacSha256,
  type NexusSignatureOptions,
  type SignatureScheme,
  type SignedRequest,
} from '../nodes/signatures.js';
export { standardWebhooks } from '../nodes/standard-webhooks.js';
