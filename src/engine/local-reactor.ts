/** A reactor of this process: what it was registered with, what its row says, and what it has in memory. */
import type { JsonObject, NexusEvent, StoredEvent } from '../core/event.js';
import { createPace, type Pace, type RateLimit } from '../core/pace.js';
import type { FullRetryPolicy } from '../core/retry.js';
import type { Handler } from '../nexus.js';
import type { Lease, Leased, ReactorRow, Registration } from '../storage/storage.js';
import { Slots } from './slots.js';

/** How a reactor was registered, defaults filled in. */
export type ReactorSettings = Registration & {
  readonly handler: Handler;
  readonly orderBy: ((event: NexusEvent) => string) | undefined;
  readonly retry: FullRetryPolicy;
  readonly timeoutMs: number;
  /** Infinity where events never get too old. */
  readonly maxAgeMs: number;
  readonly concurrency: number;
  readonly rateLimit: RateLimit | undefined;
  /** Whether its position stays where it is while it is paused, so that nothing piles up but its lag. */
  readonly still: boolean;
};

/** A delivery in memory. A class for the reason that `EventDraft` is one: it keeps its event. */
export class Held {
  readonly reactor: LocalReactor;
  readonly lease: Lease;
  readonly event: StoredEvent;
  /** Its payload, where it need not be read from the event. */
  readonly payload: JsonObject | undefined;
  readonly suspect: boolean;
  /** In a replay that forgets what earlier runs did. */
  readonly fresh: boolean;
  /** Attempts counted before this one. */
  readonly attempt: number;
  readonly postponed: number;
  /** When it was due, epoch ms. */
  readonly dueAt: number;
  /** When it came into memory, epoch ms. */
  readonly heldAt: number;
  /** When its handler was called, epoch ms. */
  startedAt = 0;
  /** `over`: its outcome is decided; the handler may still be on its way back. */
  phase: 'waiting' | 'handling' | 'over' = 'waiting';
  /** Its place among those that are being handled; kept by `Slots`. */
  slot: number | undefined;
  abort: ((reason: unknown) => void) | undefined;

  constructor(reactor: LocalReactor, leased: Leased, heldAt: number, payload?: JsonObject) {
    this.reactor = reactor;
    this.lease = leased.lease;
    this.event = leased.event;
    this.payload = payload;
    this.suspect = leased.suspect;
    this.fresh = leased.fresh;
    this.attempt = leased.attempt;
    this.postponed = leased.postponed;
    this.dueAt = leased.dueAt;
    this.heldAt = heldAt;
  }
}

export type LocalReactor = {
  readonly settings: ReactorSettings;
  /** Of a reactor with a rate limit. */
  readonly pace: Pace | undefined;
  /** Undefined until its row is written or found. */
  row: ReactorRow | undefined;
  /** `superseded`: another registration or a removal took its place; `stopped`: by the host. */
  state: 'running' | 'superseded' | 'stopped';
  /** The `seq` up to which its deliveries exist, as far as this process knows. */
  position: number;
  /** The position at which it was held up, see `isHeldUp`. */
  heldUpAt: number | undefined;
  /** Whether something of it may be due in storage. While it is, new deliveries queue up there behind it. */
  due: boolean;
  paused: boolean;
  /** Leased, handler not called yet; live ones. */
  readonly waiting: Held[];
  /** The same of replays; and how many of `handling` and of `held` are replays'. */
  readonly replays: { readonly waiting: Held[]; handling: number; held: number };
  readonly handling: Slots<Held>;
  /** Deliveries in memory, from lease to recorded outcome. */
  held: number;
  /** How many it may have in memory; grows while it keeps up, shrinks when leases wait. */
  window: number;
  /** Since when it has had none waiting, or was last given some; epoch ms. */
  fedAt: number;
};

export function createLocalReactor(settings: ReactorSettings): LocalReactor {
  return {
    settings,
    pace: settings.rateLimit && createPace(settings.rateLimit),
    row: undefined,
    state: 'running',
    position: 0,
    heldUpAt: undefined,
    due: true,
    paused: false,
    waiting: [],
    replays: { waiting: [], handling: 0, held: 0 },
    handling: new Slots(),
    held: 0,
    window: Math.max(64, settings.concurrency * 2),
    fedAt: 0,
  };
}

/** True when it can be given deliveries. */
export function isActive(reactor: LocalReactor): boolean {
  return reactor.state === 'running' && reactor.row !== undefined;
}

/**
 * True while the next event of a reactor with `orderBy` is of a version that this process does not know: its key is for a
 * process to tell that does. Whoever moves the position ends it.
 */
export function isHeldUp(reactor: LocalReactor): boolean {
  return reactor.heldUpAt === reactor.position;
}

/** True while no deliveries are created for it, because it is paused and is of those that then stand still. */
export function standsStill({ paused, settings }: LocalReactor): boolean {
  return paused && settings.still;
}

/** What may start within this is leased ahead, so that a fast pace needs few claims. */
const AHEAD_MS = 500;

/** How many more deliveries its pace lets it lease now. */
export function paceRoom(reactor: LocalReactor, now: number): number {
  const { pace, waiting, replays } = reactor;
  return pace ? pace.until(now + AHEAD_MS) - waiting.length - replays.waiting.length : Infinity;
}

/** When {@link paceRoom} has room again, as far as it is time that it waits for; epoch ms. */
export function paceReopensAt({ pace, waiting, replays }: LocalReactor): number {
  return pace ? pace.from(waiting.length + replays.waiting.length + 1) - AHEAD_MS : -Infinity;
}

export function isReplayed(held: Held): boolean {
  return held.lease.run > 0;
}

/** How many handlers of replays may run at once: half of the slots, so that live work always finds one; of a single slot, that one. */
export function replaySlots({ settings }: LocalReactor): number {
  return Math.max(1, settings.concurrency >> 1);
}

/** Takes away everything whose handler was not called yet. */
export function takeWaiting(reactor: LocalReactor): Held[] {
  return [...reactor.waiting.splice(0), ...reactor.replays.waiting.splice(0)];
}

/** A delivery's public id. */
export function deliveryId(ref: {
  readonly reactor: number;
  readonly run: number;
  readonly seq: number;
}): string {
  return `${ref.reactor}-${ref.run}-${ref.seq}`;
}

/** The place a public id names, or undefined where it is none. */
export function parseDeliveryId(id: string): { reactor: number; run: number; seq: number } | undefined {
  const match = /^(\d{1,15})-(\d{1,15})-(\d{1,15})$/.exec(id);
  return match ? { reactor: Number(match[1]), run: Number(match[2]), seq: Number(match[3]) } : undefined;
}
