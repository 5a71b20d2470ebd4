/** The HTTP edge: signed ingress and health, mountable on the server the host already has. */
export { createHttpHandler, type HttpHandler, type HttpHandlerOptions } from './http-handler.js';
export { protocolWebhooks } from './protocol-webhooks.js';
export type { Mapped, WebhookSource } from './webhook-source.js';
export { nexusSignature, type HmacSha256, type SignatureScheme } from '../nodes/signatures.js';
