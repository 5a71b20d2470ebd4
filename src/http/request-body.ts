/** The raw bytes of a request, bounded in size and time. */
import type { IncomingMessage } from 'node:http';
import { NexusError } from '../core/errors.js';

/** Bytes, or why there are none. */
export type Body =
  { readonly bytes: Uint8Array } | { readonly refused: 'too_large' | 'too_slow' | 'too_many' | 'aborted' };

export type BodyLimits = {
  readonly limitBytes: number;
  readonly timeoutMs: number;
  /** What all bodies on their way hold together. */
  readonly room: Room;
};

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

/** @throws NexusError NEXUS_RAW_BODY_CONSUMED */
export function readNodeBody(
  request: IncomingMessage & { rawBody?: unknown; body?: unknown },
  limits: BodyLimits,
): Promise<Body> {
  if (request.rawBody instanceof Uint8Array) return Promise.resolve(within(request.rawBody, limits));
  if (request.body instanceof Uint8Array) return Promise.resolve(within(request.body, limits));
  if (request.readableEnded || request.readableDidRead) throw consumed();
  // Its client left while something before Nexus took its time: no event will say so again.
  if (request.destroyed) return Promise.resolve({ refused: 'aborted' });
  if (Number(request.headers['content-length'] ?? 0) > limits.limitBytes)
    return Promise.resolve({ refused: 'too_large' });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let held = 0;
    const timer = setTimeout(() => end({ refused: 'too_slow' }), limits.timeoutMs);
    const end = (body: Body): void => {
      clearTimeout(timer);
      limits.room.give(held);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      // What still arrives is thrown away, so that the answer can be read.
      request.resume();
      resolve(body);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.limitBytes) end({ refused: 'too_large' });
      else if (!limits.room.take(chunk.length)) end({ refused: 'too_many' });
      else {
        held += chunk.length;
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => end({ bytes: joined(chunks) });
    const onClose = (): void => end({ refused: 'aborted' });
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

/** @throws NexusError NEXUS_RAW_BODY_CONSUMED */
export async function readFetchBody(request: Request, limits: BodyLimits): Promise<Body> {
  if (request.bodyUsed) throw consumed();
  if (!request.body) return { bytes: new Uint8Array() };
  const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let held = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), limits.timeoutMs);
  });
  try {
    for (;;) {
      const next = await Promise.race([reader.read(), late]);
      if (next === 'late') return { refused: 'too_slow' };
      if (next.done) return { bytes: joined(chunks) };
      size += next.value.length;
      if (size > limits.limitBytes) return { refused: 'too_large' };
      if (!limits.room.take(next.value.length)) return { refused: 'too_many' };
      held += next.value.length;
      chunks.push(next.value);
    }
  } catch {
    return { refused: 'aborted' };
  } finally {
    clearTimeout(timer);
    limits.room.give(held);
    reader.cancel().catch(() => undefined);
  }
}

/** Most bodies come in one piece, which needs no copy. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  return first && chunks.length === 1 ? first : Buffer.concat(chunks);
}

function within(bytes: Uint8Array, { limitBytes }: BodyLimits): Body {
  return bytes.length > limitBytes ? { refused: 'too_large' } : { bytes };
}

function consumed(): NexusError {
  return new NexusError(
    'NEXUS_RAW_BODY_CONSUMED',
    'something read the request body before Nexus could verify its signature: mount Nexus before express.json() and its like, or keep the bytes with express.json({ verify: (req, res, bytes) => { req.rawBody = bytes } })',
  );
}
