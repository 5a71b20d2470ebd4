/** The raw bytes of a request, bounded in size and time. */
import type { IncomingMessage } from 'node:http';
import { NexusError } from '../core/errors.js';
import { headerOf } from './node-header.js';
import { BodyBuffer, type Room } from './body-buffer.js';

/** Bytes, or why there are none. */
export type Body =
  { readonly bytes: Uint8Array } | { readonly refused: 'too_large' | 'too_slow' | 'too_many' | 'aborted' };

export type BodyLimits = {
  readonly limitBytes: number;
  readonly timeoutMs: number;
  /** What all bodies on their way hold together. */
  readonly room: Room;
  readonly deadlines: Deadlines;
};

/** For what takes longer than the turn of the event loop in which it began. */
export interface Deadlines {
  /** `expire` is called once the time has passed, unless it is `over` by the end of this turn, or its timer is cleared. */
  begin(wait: Wait): void;
}

type Wait = { readonly over: boolean; timer: NodeJS.Timeout | undefined; expire(): void };

/** Most bodies arrive whole together with their request: a timer for each of these costs more than reading it. */
export function createDeadlines(timeoutMs: number): Deadlines {
  let begun: Wait[] = [];
  const setTimers = (): void => {
    const waits = begun;
    begun = [];
    for (const wait of waits) if (!wait.over) wait.timer = setTimeout(() => wait.expire(), timeoutMs);
  };
  return {
    begin: (wait) => {
      if (begun.push(wait) === 1) setImmediate(setTimers);
    },
  };
}

/** Rejects with NexusError NEXUS_RAW_BODY_CONSUMED. */
export function readNodeBody(
  request: IncomingMessage & { rawBody?: unknown; body?: unknown },
  limits: BodyLimits,
): Promise<Body> {
  if (request.rawBody instanceof Uint8Array) return Promise.resolve(within(request.rawBody, limits));
  if (request.body instanceof Uint8Array) return Promise.resolve(within(request.body, limits));
  if (request.readableEnded || request.readableDidRead) return Promise.reject(consumed());
  // Its client left while something before Nexus took its time: no event will say so again.
  if (request.destroyed) return Promise.resolve({ refused: 'aborted' });
  if (Number(headerOf(request, 'content-length') ?? 0) > limits.limitBytes)
    return Promise.resolve({ refused: 'too_large' });
  return new Promise((resolve) => {
    const arrival = new Arrival(limits, resolve);
    const cut = (): void => arrival.end({ refused: 'aborted' });
    request
      .on('data', (chunk: Buffer) => arrival.add(chunk))
      .on('end', () => arrival.complete())
      .on('close', cut)
      .on('error', cut);
    limits.deadlines.begin(arrival);
  });
}

/** A body on its way. A class, for there is one per request: no closures. */
class Arrival implements Wait {
  timer: NodeJS.Timeout | undefined;
  /** Both undefined once it is over: its deadline, which ends with the turn, must not keep what it held. */
  #buffer: BodyBuffer | undefined;
  #resolve: ((body: Body) => void) | undefined;

  constructor(limits: BodyLimits, resolve: (body: Body) => void) {
    this.#buffer = new BodyBuffer(limits);
    this.#resolve = resolve;
  }

  get over(): boolean {
    return this.#resolve === undefined;
  }

  add(chunk: Buffer): void {
    const refused = this.#buffer?.add(chunk);
    if (refused) this.end({ refused });
  }

  complete(): void {
    if (this.#buffer) this.end({ bytes: this.#buffer.bytes() });
  }

  expire(): void {
    this.end({ refused: 'too_slow' });
  }

  end(body: Body): void {
    const resolve = this.#resolve;
    if (!resolve) return;
    clearTimeout(this.timer);
    this.#buffer?.free();
    this.#buffer = this.#resolve = undefined;
    // What still arrives is thrown away, so that the answer can be read: it goes on flowing.
    resolve(body);
  }
}

/** @throws NexusError NEXUS_RAW_BODY_CONSUMED */
export async function readFetchBody(request: Request, limits: BodyLimits): Promise<Body> {
  if (request.bodyUsed) throw consumed();
  if (!request.body) return { bytes: new Uint8Array() };
  const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const buffer = new BodyBuffer(limits);
  const deadline: { passed: boolean } = { passed: false };
  const timer = setTimeout(() => {
    deadline.passed = true;
    // What is being waited for ends with it.
    stop(reader);
  }, limits.timeoutMs);
  try {
    for (;;) {
      const next = await reader.read();
      if (deadline.passed) return { refused: 'too_slow' };
      if (next.done) return { bytes: buffer.bytes() };
      const refused = buffer.add(next.value);
      if (refused) return { refused };
    }
  } catch {
    return { refused: deadline.passed ? 'too_slow' : 'aborted' };
  } finally {
    clearTimeout(timer);
    buffer.free();
    stop(reader);
  }
}

function stop(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  reader.cancel().catch(() => undefined);
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
