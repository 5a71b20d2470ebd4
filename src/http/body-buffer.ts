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

export interface BodyBuffer {
  /** Why it may not become larger, if so. */
  add(chunk: Uint8Array): 'too_large' | 'too_many' | undefined;
  bytes(): Uint8Array;
  /** Gives back its room. */
  free(): void;
}

const LEAST_BYTES = 4_096;

export function createBodyBuffer({
  limitBytes,
  room,
}: {
  readonly limitBytes: number;
  readonly room: Room;
}): BodyBuffer {
  // Most bodies come in one chunk, which is kept as it is.
  let buffer: Uint8Array = new Uint8Array();
  let size = 0;
  return {
    add: (chunk) => {
      const needed = size + chunk.length;
      if (needed > limitBytes) return 'too_large';
      if (needed > buffer.length) {
        const capacity = size === 0 ? needed : Math.max(LEAST_BYTES, needed * 2);
        if (!room.take(capacity - buffer.length)) return 'too_many';
        const larger = size === 0 ? chunk : Buffer.allocUnsafeSlow(capacity);
        if (size > 0) larger.set(buffer.subarray(0, size));
        buffer = larger;
      }
      if (buffer !== chunk) buffer.set(chunk, size);
      size = needed;
      return undefined;
    },
    bytes: () => buffer.subarray(0, size),
    free: () => room.give(buffer.length),
  };
}
