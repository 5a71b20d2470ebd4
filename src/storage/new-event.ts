/** An event that is to be appended. */
import type { EventFields } from '../core/event.js';

/** An event to append. */
export type NewEvent = EventFields & {
  /** 32 random hex digits. */
  readonly salt: string;
  readonly payload: string;
  readonly payloadHash: string;
  /**
   * Dedupe keys within its source, strongest first. The first is looked up; acceptance records all (a weaker one that
   * is taken already stays with its owner). `b:` and 32 digits in hex is a fingerprint: of it a storage need not keep more
   * than the first 25, which are 100 bits. Every other key is compared whole.
   */
  readonly keys: readonly string[];
  /** What to do about a key or id used before for other content: `conflict`, or take the first one for it. */
  readonly onOther: 'conflict' | 'duplicate';
  /** True when the caller chose the id, so that it may have been used before. */
  readonly idGiven: boolean;
  /** Append only if the settlement at this index of the batch held. */
  readonly onlyIf?: number;
  /** Append only if this moves a schedule on: one event per tick, whoever says it. */
  readonly tick?: Tick;
};

/** A schedule's step to a later tick; conditional on its generation and the tick before. */
export type Tick = {
  readonly schedule: string;
  readonly generation: number;
  /** The `tickAt` of its row before it, and after it. */
  readonly from: number;
  readonly to: number;
};
