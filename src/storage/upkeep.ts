/** What operators and housekeeping ask of a storage. */
import type { DeliveryRef } from './readers.js';

/** A step of retention. */
export type Sweep = {
  /** How long succeeded and cancelled deliveries are kept once they are final, milliseconds; Infinity is for ever. */
  readonly succeededMs: number;
  /** The same for dead ones, milliseconds. */
  readonly deadMs: number;
  /** The step ends after about so many rows were looked at, */
  readonly rows: number;
  /** or so many milliseconds of work in one transaction. */
  readonly ms: number;
};

/** What a step of retention came to. */
export type Swept = {
  /** Deliveries removed. */
  readonly removed: number;
  /** The pass is not over yet. */
  readonly more: boolean;
  /** How soon the next pass may find something, when this one is over; milliseconds. */
  readonly nextInMs: number;
};

/** Which dead deliveries: those that are all of it. */
export type DeliverySelection = {
  readonly refs?: readonly DeliveryRef[];
  readonly reactor?: string;
  readonly eventType?: string;
  readonly errorCode?: string;
  readonly limit: number;
};

/** What an operator changes; `changed` counts rows of the kind that is named. */
export type Edit =
  | { readonly edit: 'pause' | 'resume'; readonly reactor: string }
  /**
   * Moves the position. Forward, what lies between gets no deliveries; backward, deliveries that are missing there are
   * created again, those that exist stay as they are. Above the head it is refused with NEXUS_POSITION_AHEAD, below
   * `prunedTo` with NEXUS_POSITION_PRUNED: what was done there would be done again.
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
