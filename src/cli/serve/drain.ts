/** How a server comes to its end: connections are let go as they fall idle, and nobody is cut off who may still be answered. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

export interface Drain {
  /** Says that it is not ready, and goes on for a while, so that who balances the load looks elsewhere first. */
  readonly unready: (ms: number) => Promise<void>;
  /** No new connection; the answers from now on end theirs. */
  readonly shut: () => void;
  /** Resolves when every request is answered, or after so many milliseconds; how many are not. */
  readonly answered: (withinMs: number) => Promise<number>;
  /** Ends what is left. */
  readonly end: () => void;
}

export function createDrain(server: Server): Drain {
  const open = new Set<ServerResponse>();
  let notReady = false;
  let shut = false;
  let waiting: (() => void) | undefined;

  // Before the handler, which is a listener too.
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    open.add(response);
    if (shut) response.setHeader('connection', 'close');
    response.on('close', () => {
      open.delete(response);
      if (shut) server.closeIdleConnections();
      if (answers(open) === 0) waiting?.();
    });
    if (notReady && /^\/(?:[^?]*\/)?health\/ready(?:\?|$)|\/health(?:\?|$)/.test(request.url ?? ''))
      answerDraining(response);
  });

  return {
    unready: async (ms) => {
      notReady = true;
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    },
    shut: () => {
      shut = true;
      server.close();
      server.closeIdleConnections();
      for (const response of open) if (!response.headersSent) response.setHeader('connection', 'close');
    },
    answered: async (withinMs) => {
      if (answers(open) > 0)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, withinMs);
          waiting = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      return answers(open);
    },
    end: () => server.closeAllConnections(),
  };
}

/** A stream, of events or of progress, has no answer to wait for: it ends with the Nexus. */
function answers(open: ReadonlySet<ServerResponse>): number {
  return [...open].filter(
    (response) =>
      !/^(text\/event-stream|application\/x-ndjson)/.test(String(response.getHeader('content-type') ?? '')),
  ).length;
}

/** The handler finds it answered, and leaves it. */
function answerDraining(response: ServerResponse): void {
  response.writeHead(503, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'retry-after': '1',
  });
  response.end(JSON.stringify({ status: 'down', reasons: 1 }));
}
