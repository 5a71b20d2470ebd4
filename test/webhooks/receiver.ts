/** A real endpoint on loopback, and a Nexus that delivers to it. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Nexus, NexusOptions, WebhookAttempt } from '../../src/nexus.js';
import type { NodeConfig, NodeWebhook } from '../../src/nodes/node-config.js';
import { createBus, type Bus } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

export type Received = {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
};
export type Answering = (request: Received, response: ServerResponse, nth: number) => void;

export type Receiver = {
  readonly url: string;
  readonly received: Received[];
  /** What it answers from now on; 204 at first. */
  answer: Answering;
};

export function status(code: number, headers: Record<string, string | string[]> = {}): Answering {
  return (_, response) => void response.writeHead(code, headers).end();
}

export async function createReceiver(answer: Answering = status(204)): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void bytesOf(request)
      .then((body) => {
        const headers = Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k, String(v)]));
        const got = { headers, body, json: JSON.parse(body.toString()) as Record<string, unknown> };
        received.push(got);
        receiver.answer(got, response, received.length);
      })
      .catch(() => response.destroy());
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = { url: `http://127.0.0.1:${port}/hook?a=1`, received, answer };
  return receiver;
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function whsec(): string {
  return `whsec_${randomBytes(24).toString('base64')}`;
}

export type Pushing = Bus & {
  readonly attempts: WebhookAttempt[];
  /** Resolves with the nth attempt (1-based) once it has ended and its outcome is recorded. */
  readonly attempt: (nth: number) => Promise<WebhookAttempt>;
};

export function nodeFor(
  url: string,
  webhook: Partial<NodeWebhook> = {},
  node: Partial<NodeConfig> = {},
): NodeConfig {
  return {
    secrets: [whsec()],
    subscribe: ['*'],
    ...node,
    webhook: { url, allowPrivateNetwork: true, ...webhook },
  };
}

/** A bus on a virtual clock that pushes to `shop`. */
export function push(
  nodes: Record<string, NodeConfig>,
  options: Partial<NexusOptions> & { beside?: Bus } = {},
): Pushing {
  const bus = createBus({ nodes, ...options });
  const { nexus } = bus;
  const attempts = attemptsOf(nexus);
  const attempt = async (nth: number): Promise<WebhookAttempt> => {
    await until(() => attempts.length >= nth);
    await settledDown(nexus);
    return attempts[nth - 1]!;
  };
  return { ...bus, attempts, attempt };
}

function attemptsOf(nexus: Nexus): WebhookAttempt[] {
  const attempts: WebhookAttempt[] = [];
  nexus.on('webhook:attempt', (moment) => attempts.push(moment));
  return attempts;
}

/** Waits for a fact while real sockets do their work; the test's own time limit is the limit. */
export async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await fact())) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Nothing is in memory any more: the outcome is recorded. */
async function settledDown(nexus: Nexus): Promise<void> {
  await until(async () => (await nexus.stats()).inFlight === 0);
  await turns(3);
}
