/** Schedules: events that come by themselves. */
import type { AnyCatalogue, Catalogue, InputOf, TypeOf } from '../core/catalogue.js';

/**
 * When a schedule ticks: a cron expression of 5 to 7 parts (needs the package croner), or every so many milliseconds
 * (at least 100), counted from 1970-01-01T00:00Z: `{ everyMs: 3_600_000 }` is on the hour.
 */
export type ScheduleWhen =
  | string
  | {
      /** Milliseconds from tick to tick. */
      readonly everyMs: number;
    };

/** The payload of a schedule's events, or a function that makes it from the instant of the tick (epoch ms). */
export type SchedulePayload<E extends Catalogue = AnyCatalogue, T extends TypeOf<E> = TypeOf<E>> =
  InputOf<E, T> | ((tickAt: number) => InputOf<E, T>);

/** How a schedule is kept. */
export interface ScheduleOptions {
  /** Its identity in storage: 1 to 200 characters without white space or *. */
  name: string;
  /** The IANA time zone in which a cron expression is read. @default 'UTC' */
  timezone?: string;
  /**
   * What becomes of ticks during which no process ran: `skip` drops them (but makes the last one if it is at most a
   * minute older than the process), `catchUp` makes an event for each, oldest first, of the newest 1,000. @default 'skip'
   */
  missed?: 'skip' | 'catchUp';
}

/** A schedule of this process. */
export interface Schedule {
  /** Its identity in storage. */
  readonly name: string;
  /** When it ticks next, epoch ms; undefined when it will not, because it was stopped or replaced. */
  next(): number | undefined;
  /** Makes no further event in this process; its row stays. */
  stop(): void;
}
