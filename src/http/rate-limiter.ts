/** Token buckets for strangers, in bounded memory that no crowd of addresses can use to free one that is limited. */

/** How many requests, over time. */
export type Rate = { readonly perSecond: number; readonly burst: number };

export interface RateLimiter {
  /** Takes a token of the client with this key of 64 bits: 0, or how long until there is one, milliseconds. `nowMs` never goes back. */
  take(high: number, low: number, nowMs: number): number;
  /** Clients that there is room for at present. */
  readonly capacity: number;
}

/** One request, in thousandths of a request: so a millisecond brings `perSecond` of them, without rounding. */
const REQUEST = 1_000;
/** A client is kept in one of so many places, which are looked at together. */
const WAYS = 8;
const FIRST_SETS = 512;
/** 16 MiB of 16 bytes each, and half as much more while it grows to that. */
const MOST_CLIENTS = 1 << 20;

/**
 * When the bucket of a client will be full again, counted in thousandths of a request, is all that is kept (this is GCRA,
 * which decides as a token bucket does). One that is full is as good as one that is not there, so forgetting it loses
 * nothing, and a place whose bucket has filled up is free. The table doubles while places are short; once it is as large
 * as it may be, whoever used the least gives way, but never one who is being refused.
 */
export function createRateLimiter(
  rate: Rate,
  options: { readonly seed: readonly [number, number]; readonly mostClients?: number },
): RateLimiter {
  const { perSecond } = rate;
  const burst = rate.burst * REQUEST;
  const [seed, otherSeed] = options.seed;
  const most = options.mostClients ?? MOST_CLIENTS;
  let sets = Math.min(FIRST_SETS, Math.max(1, most / WAYS));
  let keys = new Uint32Array(sets * WAYS * 2);
  let fullAt = new Float64Array(sets * WAYS);
  /** Shared by those who find no place: every place they could have is held by someone who is being refused. */
  let crowd = 0;

  const setOf = (high: number, low: number, count: number): number => {
    let mixed = Math.imul(high ^ seed, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13) ^ low, 0xc2b2ae35);
    mixed = Math.imul(mixed ^ (mixed >>> 16) ^ otherSeed, 0x27d4eb2f);
    return ((mixed ^ (mixed >>> 15)) >>> 0) & (count - 1);
  };

  const grow = (now: number): void => {
    const before = { keys, fullAt };
    sets *= 2;
    keys = new Uint32Array(sets * WAYS * 2);
    fullAt = new Float64Array(sets * WAYS);
    before.fullAt.forEach((full, place) => {
      if (full <= now) return;
      const high = before.keys[place * 2] ?? 0;
      const low = before.keys[place * 2 + 1] ?? 0;
      // A set is filled from one of the former only, so there is room.
      let to = setOf(high, low, sets) * WAYS;
      while ((fullAt[to] ?? 0) > 0) to += 1;
      put(to, high, low, full);
    });
  };

  const put = (place: number, high: number, low: number, full: number): void => {
    keys[place * 2] = high;
    keys[place * 2 + 1] = low;
    fullAt[place] = full;
  };

  /** The place of a client; a new one where it has none; -1 when there is none to have. */
  const placeFor = (high: number, low: number, now: number): number => {
    const first = setOf(high, low, sets) * WAYS;
    let least = first;
    for (let place = first; place < first + WAYS; place++) {
      const full = fullAt[place] ?? 0;
      if (full > now && keys[place * 2] === high && keys[place * 2 + 1] === low) return place;
      if (full < (fullAt[least] ?? 0)) least = place;
    }
    const full = fullAt[least] ?? 0;
    if (full > now) {
      if (sets * WAYS * 2 <= most) {
        grow(now);
        return placeFor(high, low, now);
      }
      if (next(full, now, burst) < 0) return -1;
    }
    put(least, high, low, now);
    return least;
  };

  return {
    take: (high, low, nowMs) => {
      const now = nowMs * perSecond;
      const place = placeFor(high >>> 0, low >>> 0, now);
      const full = next(place < 0 ? crowd : (fullAt[place] ?? 0), now, burst);
      if (full < 0) return -full / perSecond;
      if (place < 0) crowd = full;
      else fullAt[place] = full;
      return 0;
    },
    get capacity() {
      return sets * WAYS;
    },
  };
}

/** The same for a few names that are known: each has its own bucket for good. */
export function createNamedLimiter({ perSecond, burst }: Rate): (name: string, nowMs: number) => number {
  const buckets = new Map<string, number>();
  return (name, nowMs) => {
    const full = next(buckets.get(name) ?? 0, nowMs * perSecond, burst * REQUEST);
    if (full < 0) return -full / perSecond;
    buckets.set(name, full);
    return 0;
  };
}

/** When the bucket is full again if a request is taken now, or less than 0: minus what is missing for one. */
function next(fullAt: number, now: number, burst: number): number {
  const from = Math.max(fullAt, now);
  const missing = from - now + REQUEST - burst;
  return missing > 0 ? -missing : from + REQUEST;
}
