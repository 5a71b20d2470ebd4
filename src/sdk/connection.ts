/** One connection that brings events, whatever carries it. */
import type { NexusError } from '../core/errors.js';
import type { Settings } from './options.js';
import type { RemoteEvent } from './remote-event.js';

/** What is asked of a connection. */
export type Ask = {
  readonly settings: Settings;
  readonly token: string;
  /** Empty for all that the token may read. */
  readonly types: readonly string[];
  /** Undefined: from now on. */
  readonly after: number | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
};

/** What a connection brings, in the order of the log. */
export type Frame =
  /** It is open; everything behind `position` will come. */
  | { readonly kind: 'live'; readonly position: number | undefined; readonly logId: string | undefined }
  | { readonly kind: 'event'; readonly event: RemoteEvent }
  /** There is nothing for us up to here. */
  | { readonly kind: 'position'; readonly position: number };

/** The last thing a connection says. */
export type Ending = {
  /** `cut`: it is over. `refused`: it never was one. `full`: it was closed so that its reader can catch up. */
  readonly kind: 'cut' | 'refused' | 'full';
  readonly error: NexusError;
};
