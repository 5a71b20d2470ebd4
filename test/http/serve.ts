/** A Nexus behind its HTTP handler: on a real socket, and as a fetch handler. */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { createHttpHandler, type HttpHandler, type HttpHandlerOptions } from '../../src/http/index.js';
import type { NodeConfig } from '../../src/nodes/node-config.js';
import type { NexusOptions } from '../../src/nexus.js';
import { createBus, type Bus } from '../support/bus.js';

export const secrets = { flowpay: secret(), factory: secret(), shy: secret() };

/** `flowpay` and `factory` name themselves, `shy` need not. */
export const nodes: Record<string, NodeConfig> = {
  flowpay: { secrets: [secrets.flowpay], dispatch: ['PAYMENT_*', 'ORDER:*'] },
  factory: { secrets: [secrets.factory], dispatch: ['MINT_*', 'CONTRACT_DEPLOYED'] },
  shy: { secrets: [secrets.shy], dispatch: ['*'], unnamed: true },
};

export type Sent = {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};
export type Got = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly json: Record<string, unknown>;
};
export type Way = 'node:http' | 'fetch';
export const ways: readonly Way[] = ['node:http', 'fetch'];

export type Served = Bus & {
  readonly handler: HttpHandler;
  readonly send: (sent: Sent) => Promise<Got>;
  /** Signs the body as `flowpay`, unless headers say otherwise, and posts it to /events. */
  readonly post: (body: unknown, headers?: Readonly<Record<string, string>>) => Promise<Got>;
};

export type ServeOptions = {
  readonly bus?: Partial<NexusOptions> & { beside?: Bus };
  readonly http?: HttpHandlerOptions;
};

export function serve(way: Way, { bus: busOptions, http }: ServeOptions = {}): Served {
  const bus = createBus({ nodes, ...busOptions });
  // All tests come from one address; the limits have tests of their own.
  const handler = createHttpHandler(bus.nexus, { rateLimit: false, nodeRateLimit: false, ...http });
  const listening = way === 'node:http' ? listen(createServer(handler)) : undefined;
  const send = async (sent: Sent): Promise<Got> =>
    listening ? await sendTo(await listening, sent) : await fetchFrom(handler, sent);
  const post = async (body: unknown, headers?: Readonly<Record<string, string>>): Promise<Got> => {
    const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    return await send({ body: bytes, headers: headers ?? signed('flowpay', bytes) });
  };
  return { ...bus, handler, send, post };
}

/** A secret that exists for this run only. */
export function secret(): string {
  return randomBytes(24).toString('hex');
}

export function sign(key: string, body: string | Uint8Array): string {
  return createHmac('sha256', key).update(body).digest('hex');
}

export function signed(node: keyof typeof secrets, body: string | Uint8Array): Record<string, string> {
  return { 'x-nexus-node': node, 'x-nexus-signature': sign(secrets[node], body) };
}

/** Listens on any port of loopback; gone when the test ends. */
export async function listen(server: Server): Promise<number> {
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return (server.address() as AddressInfo).port;
}

export async function sendTo(port: number, sent: Sent): Promise<Got> {
  const { method = 'POST', path = '/events', headers = {}, body } = sent;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers }, resolve);
    request.on('error', reject);
    request.end(body);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
  return got(response.statusCode ?? 0, Object.fromEntries(flat), Buffer.concat(chunks).toString());
}

async function fetchFrom(handler: HttpHandler, sent: Sent): Promise<Got> {
  const { method = 'POST', path = '/events', headers = {}, body } = sent;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const request = new Request(`http://nexus.test${path}`, {
    method,
    headers,
    ...(bytes && { body: new Uint8Array(bytes) }),
  });
  const response = await handler.fetch(request);
  return got(response.status, Object.fromEntries(response.headers), await response.text());
}

function got(status: number, headers: Record<string, string>, text: string): Got {
  const isJson = /[/+]json\b/.test(headers['content-type'] ?? '') && text !== '';
  return { status, headers, text, json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
}
