/**
 * The client of a Nexus elsewhere, for Node and browsers: no dependency, no native code.
 *
 * @module @neo-protocol/nexus/sdk
 */
export { createNexusClient, type NexusClient, type RemoteFeedOptions, type RemoteHandler } from './client.js';
export { signRequest, type SignRequestOptions } from './sign-request.js';
export { verifyRequest, type RequestHeaders, type VerifyRequestOptions } from './verify-request.js';
export { NexusError, type ErrorCode, type NexusErrorOptions } from '../core/errors.js';
export type {
  AnyCatalogue,
  Catalogue,
  InputOf,
  OutputOf,
  StandardSchemaV1,
  TypeOf,
} from '../core/catalogue.js';
export type { JsonObject } from '../core/event.js';
export type { EventDefinition, Upcaster } from '../core/event-definition.js';
export type { SignatureName } from '../nodes/node-config.js';
export type { ConnectionState, OnState } from './connection-state.js';
export type { RemoteDispatched, RemoteDispatchOptions } from './dispatch.js';
export type {
  Credential,
  FetchLike,
  NexusClientOptions,
  Transport,
  WebSocketConstructor,
  WebSocketLike,
} from './options.js';
export type { Backoff } from './pause.js';
export type { RemoteEvent, RemoteEventOf } from './remote-event.js';
export type {
  Cursor,
  CursorPosition,
  RemoteContext,
  SubscribeOptions,
  Subscription,
  Verdict,
} from './subscription.js';
