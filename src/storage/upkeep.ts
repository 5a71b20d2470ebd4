/** What operators and housekeeping ask of a storage. */
import type { DeliveryRef } from './readers.js';

export type Sweep = {
  /** How long succeeded and cancelled deliveries, and dead ones, are kept once they are final, milliseconds; Infinity is for ever. */
  readonly succeededMs: number;
  readonly deadMs: number;
  /** Where the step ends: about so many rows looked at, or so many milliseconds of work in one transaction. */
  readonly rows: number;
  readonly ms: number;
};

export type Swept = {
  /** Deliveries removed. */
  readonly removed: number;
  /** The pass is not over yet. */
  readonly more: boolean;
  /** How soon the next pass may find something, when this one is over. */
  readonly nextInMs: number;
};

export type DeliverySelection = {
  readonly refs?: readonly DeliveryRef[];
  readonly reactor?: string;
  readonly eventType?: string;
  readonly errorCode?: string;
  readonly limit: number;
};

/** `changed` counts rows of the kind that is named. */
export type Edit =
  | { readonly edit: 'pause' | 'resume'; readonly reactor: string }
  /**
   * Moves the position. Forward, what lies between gets no deliveries; backward, deliveries that are missing there are
   * created again, those that exist stay as they are. Not below `prunedTo`: what was done there would be done again.
   *
   * @throws NexusError NEXUS_POSITION_AHEAD, NEXUS_POSITION_PRUNED
   */
  | { readonly edit: 'seek'; readonly reactor: string; readonly to: number | 'now' }
  /** Takes the reactor away; cancels up to `limit` of its open deliveries (`changed`), to be called until it is 0. */
  | { readonly edit: 'remove'; readonly reactor: string; readonly limit: number }
  /** Dead deliveries become pending and due, with all attempts before them. */
  | { readonly edit: 'redrive'; readonly which: DeliverySelection }
  /** Dead deliveries become cancelled, reason `discarded`. */
  | { readonly edit: 'discard'; readonly which: DeliverySelection }
  /** A delivery that is final or waiting becomes pending and due now; never one of an event that was redacted. */
  | { readonly edit: 'retry'; readonly delivery: DeliveryRef }
  /** A delivery that is not final becomes cancelled. */
  | { readonly edit: 'cancel'; readonly delivery: DeliveryRef }
  /** A running replay becomes cancelled, and all its open deliveries with it, reason `replay_cancelled`. */
  | { readonly edit: 'cancel-replay'; readonly run: number }
  /** A running replay that has reached its end for every reactor (removed ones apart) and has no open deliveries is done. */
  | { readonly edit: 'finish-replay'; readonly run: number }
  /** A checkpoint was handed out: remembered, so that what it stands for may be pruned. */
  | { readonly edit: 'checkpointed'; readonly seq: number };
