/** What a client tells of its connections. */
import type { NexusError } from '../core/errors.js';

/** The state of one subscription's connection. */
export type ConnectionState = {
  /** Its types; empty for all that the token may read. */
  readonly types: readonly string[];
} & (
  | { readonly state: 'connecting'; readonly transport: 'websocket' | 'sse' }
  | { readonly state: 'live'; readonly transport: 'websocket' | 'sse' }
  /** The connection is lost, or cannot be had; it is tried again. */
  | { readonly state: 'waiting'; readonly delayMs: number; readonly error: NexusError }
  /** For good: by `close`, or for a reason that trying again does not mend. */
  | { readonly state: 'closed'; readonly error: NexusError | undefined }
);

/** Listens to the states of connections. What it throws hurts nobody. */
export type OnState = (state: ConnectionState) => void;
