/** One endpoint that hangs and one that flaps, beside eight that work: what the eight notice of the two. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNexus } from '../src/create-nexus.js';
import type { NodeConfig } from '../src/nodes/node-config.js';

export type EndpointsReport = {
  readonly events: number;
  /** From the call of dispatch to the answer of a healthy endpoint, median of the rounds; milliseconds. */
  readonly p99Ms: { readonly alone: number; readonly beside: number };
  /** The second over the first. */
  readonly ratio: number;
  /** Deliveries to healthy endpoints that did not succeed at the first attempt. */
  readonly healthyFailures: number;
  readonly flapped: { readonly delivered: number; readonly failed: number };
  /** Exchanges with the dead endpoint that were open at the end of a round, at most. */
  readonly hanging: number;
};

const HEALTHY = 8;
/** How long a healthy endpoint takes to answer. */
const ANSWER_MS = 50;
const EVERY_MS = 40;

export async function proveEndpoints(options: { rounds: number; events: number }): Promise<EndpointsReport> {
  const { rounds, events } = options;
  const alone: number[] = [];
  const beside: number[] = [];
  const sum = { healthyFailures: 0, delivered: 0, failed: 0, hanging: 0 };
  // The first pair warms up. Pairs take turns, so that both see the same machine.
  for (let round = 0; round <= rounds; round++) {
    for (const troubled of round % 2 === 0 ? [false, true] : [true, false]) {
      const one = await measure({ troubled, events });
      sum.healthyFailures += one.healthyFailures;
      sum.delivered += one.delivered;
      sum.failed += one.failed;
      sum.hanging = Math.max(sum.hanging, one.hanging);
      if (round > 0) (troubled ? beside : alone).push(one.p99Ms);
    }
  }
  const p99Ms = { alone: median(alone), beside: median(beside) };
  return {
    events: events * rounds,
    p99Ms,
    ratio: Math.round((p99Ms.beside / p99Ms.alone) * 100) / 100,
    healthyFailures: sum.healthyFailures,
    flapped: { delivered: sum.delivered, failed: sum.failed },
    hanging: sum.hanging,
  };
}

async function measure({ troubled, events }: { troubled: boolean; events: number }): Promise<{
  p99Ms: number;
  healthyFailures: number;
  delivered: number;
  failed: number;
  hanging: number;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-endpoints-'));
  const servers: Server[] = [];
  const nodes: Record<string, NodeConfig> = {};
  const add = async (name: string, listener: RequestListener): Promise<void> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    nodes[name] = {
      secrets: [randomBytes(24).toString('hex')],
      subscribe: ['TICKED'],
      webhook: { url: `http://127.0.0.1:${port}/`, allowPrivateNetwork: true, timeoutMs: 35_000 },
    };
  };
  const healthy: RequestListener = (request, response) => {
    request.resume().on('end', () => setTimeout(() => response.writeHead(204).end(), ANSWER_MS));
  };
  for (let i = 0; i < HEALTHY; i++) await add(`healthy-${i}`, healthy);
  let hanging = 0;
  if (troubled) {
    await add('dead', (_, response) => {
      hanging += 1;
      setTimeout(() => response.destroy(), 30_000).unref();
    });
    let turn = 0;
    await add('flapping', (request, response) => {
      turn += 1;
      if (turn % 3 === 0) response.destroy();
      else request.resume().on('end', () => response.writeHead(turn % 3 === 1 ? 204 : 500).end());
    });
  }
  const nexus = createNexus({ storage: join(folder, 'nexus.db'), logger: false, nodes });
  const dispatchedAt = new Map<string, number>();
  const latencies: number[] = [];
  const tally = { healthyFailures: 0, delivered: 0, failed: 0 };
  try {
    await nexus.start();
    nexus.on('webhook:attempt', ({ node, eventId, outcome }) => {
      if (node.startsWith('healthy')) {
        if (outcome === 'delivered') latencies.push(performance.now() - (dispatchedAt.get(eventId) ?? 0));
        else tally.healthyFailures += 1;
      } else if (outcome === 'delivered') tally.delivered += 1;
      else tally.failed += 1;
    });
    for (let n = 0; n < events; n++) {
      const began = performance.now();
      const id = crypto.randomUUID();
      dispatchedAt.set(id, began);
      await nexus.dispatch('TICKED', { n, text: 'x'.repeat(200) }, { id });
      await new Promise((next) => setTimeout(next, Math.max(0, EVERY_MS - (performance.now() - began))));
    }
    const deadline = performance.now() + 10_000;
    while (latencies.length < events * HEALTHY && performance.now() < deadline)
      await new Promise((next) => setTimeout(next, 10));
    tally.healthyFailures += events * HEALTHY - latencies.length;
  } finally {
    await nexus.close({ timeoutMs: 0 });
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true, force: true });
  }
  latencies.sort((a, b) => a - b);
  return { p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Infinity, hanging, ...tally };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[sorted.length >> 1] ?? Infinity) * 10) / 10;
}
