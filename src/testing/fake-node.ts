/** A node that is not there: a real server on loopback that writes down what it is sent and answers as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the fake node got it. */
export interface FakeRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** As it came, decoded as UTF-8. */
  readonly body: string;
  /** The body as JSON; undefined where it is none. */
  readonly json: unknown;
  /** When it came, virtual epoch ms. */
  readonly at: number;
}

/** What a fake node answers: a status and a body, or nothing, by breaking the connection or by never ending it. */
export type FakeAnswer =
  | {
      readonly status: number;
      /** Sent as JSON, unless it is a text. @default nothing */
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | 'disconnect'
  | 'hang';

/** An answer, or a function that makes it from the request. */
export type FakeAnswering =
  FakeAnswer | ((request: FakeRequest, count: number) => FakeAnswer | Promise<FakeAnswer>);

/** A node that records and answers. */
export interface FakeNode {
  readonly name: string;
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** What it was sent, in order. */
  readonly requests: readonly FakeRequest[];
  /** Answers the next requests, one each, in this order. */
  next(...answers: FakeAnswering[]): void;
  /** Answers every request for which no other answer waits. @default { status: 200 } */
  always(answer: FakeAnswering): void;
  /** The same without a network: takes what `fetch` takes, for code that is given its fetch. */
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Forgets what it was sent, and what waits to be answered. */
  reset(): void;
  /** Stops listening and breaks off what is open. */
  close(): Promise<void>;
}

/** Starts a fake node. Nothing of it keeps the process alive. */
export async function startFakeNode(
  name: string,
  world: { readonly now: () => number; readonly stirred: () => void },
): Promise<FakeNode> {
  const requests: FakeRequest[] = [];
  let queue: FakeAnswering[] = [];
  let usual: FakeAnswering = { status: 200 };

  const take = async (request: Omit<FakeRequest, 'json' | 'at'>): Promise<FakeAnswer> => {
    const full = { ...request, json: parse(request.body), at: world.now() };
    requests.push(full);
    world.stirred();
    const answer = queue.shift() ?? usual;
    const given = typeof answer === 'function' ? await answer(full, requests.length) : answer;
    world.stirred();
    return given;
  };

  const server = createServer((request, response) => {
    read(request)
      .then(async (body) => {
        const { method = 'GET', url: path = '/' } = request;
        respond(response, await take({ method, path, headers: flat(request.headers), body }));
      })
      .catch((error: unknown) => respond(response, { status: 500, body: String(error) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  server.unref();
  server.on('connection', (socket) => socket.unref());
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  return {
    name,
    url,
    requests,
    next: (...answers) => void queue.push(...answers),
    always: (answer) => {
      usual = answer;
    },
    fetch: async (input, init) => {
      const request = new Request(typeof input === 'string' ? new URL(input, url) : input, init);
      const { pathname, search } = new URL(request.url);
      const headers = Object.fromEntries(request.headers);
      const { method } = request;
      const answering = take({ method, path: pathname + search, headers, body: await request.text() });
      const answer = await untilAborted(answering, request.signal);
      if (answer === 'disconnect') throw new TypeError('fetch failed');
      if (answer === 'hang') return await untilAborted(new Promise<never>(() => undefined), request.signal);
      return new Response(bodyOf(answer), { status: answer.status, headers: headersOf(answer) });
    },
    reset: () => {
      requests.length = 0;
      queue = [];
      usual = { status: 200 };
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function respond(response: ServerResponse, answer: FakeAnswer): void {
  if (answer === 'disconnect') response.destroy();
  else if (answer !== 'hang') response.writeHead(answer.status, headersOf(answer)).end(bodyOf(answer));
}

type Spoken = Exclude<FakeAnswer, string>;

function bodyOf({ body }: Spoken): string | null {
  if (body === undefined || typeof body === 'string') return body ?? null;
  return JSON.stringify(body);
}

function headersOf({ body, headers = {} }: Spoken): Record<string, string> {
  const isJson = body !== undefined && typeof body !== 'string';
  return { ...(isJson && { 'content-type': 'application/json' }), ...headers };
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (abort) signal.removeEventListener('abort', abort);
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function flat(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
