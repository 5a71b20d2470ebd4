/** A body as it comes in, in one piece: one that is sent in thousands of crumbs must not become thousands of objects. */

/** Memory for bodies on their way, shared by all requests of a handler. */
export interface Room {
  /** False when there is none for so many bytes. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createRoom(mostBytes: number): Room {
  let taken = 0;
  return {
    take: (bytes) => {
      if (taken + bytes > mostBytes) return false;
      taken += bytes;
      return true;
    },
    give: (bytes) => {
      taken -= bytes;
    },
  };
}

const LEAST_BYTES = 4_096;
const nothing = new Uint8Array();

/** A class, for there is one per request: no closures. */
export class BodyBuffer {
  readonly #limits: { readonly limitBytes: number; readonly room: Room };
  /** Most bodies come in one chunk, which is kept as it is. */
  #buffer: Uint8Array = nothing;
  #size = 0;

  constructor(limits: { readonly limitBytes: number; readonly room: Room }) {
    this.#limits = limits;
  }

  /** Why it may not become larger, if so. */
  add(chunk: Uint8Array): 'too_large' | 'too_many' | undefined {
    const { limitBytes, room } = this.#limits;
    const needed = this.#size + chunk.length;
    if (needed > limitBytes) return 'too_large';
    if (needed > this.#buffer.length) {
      const capacity = this.#size === 0 ? needed : Math.max(LEAST_BYTES, needed * 2);
      if (!room.take(capacity - this.#buffer.length)) return 'too_many';
      const larger = this.#size === 0 ? chunk : Buffer.allocUnsafeSlow(capacity);
      if (this.#size > 0) larger.set(this.bytes());
      this.#buffer = larger;
    }
    if (this.#buffer !== chunk) this.#buffer.set(chunk, this.#size);
    this.#size = needed;
    return undefined;
  }

  bytes(): Uint8Array {
    return this.#size === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#size);
  }

  /** Gives back its room. */
  free(): void {
    this.#limits.room.give(this.#buffer.length);
  }
}
