/** A host with a database file, reactors of every fate, and a server: what the command line is tried on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createHttpHandler } from '../../src/http/index.js';
import { createNexus, type Nexus, type NexusOptions } from '../../src/index.js';

export const secret = 'a-secret-of-flowpay-for-tests';
export const adminToken = 'token-of-the-admin-0123456789';
export const readerToken = 'token-of-the-reader-0123456789';

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nexus-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export type Host = {
  readonly nexus: Nexus;
  readonly cwd: string;
  readonly url: string;
  /** Lets what `stubborn` does succeed. */
  mend(): void;
};

/**
 * `works` takes PAYMENT_RECEIVED and says MINT_REQUESTED; `stubborn` takes MINT_REQUESTED and fails until it is mended.
 */
export async function startHost(options: NexusOptions = {}): Promise<Host> {
  const cwd = folder();
  let mended = false;
  const nexus = createNexus({
    storage: join(cwd, 'nexus.db'),
    logger: false,
    nodes: {
      flowpay: {
        secrets: [secret],
        signatures: ['nexus', 'standard'],
        dispatch: ['PAYMENT_RECEIVED'],
        subscribe: ['*'],
      },
      admin: { secrets: [], tokens: [adminToken], subscribe: ['*'], admin: true },
      reader: { secrets: [], tokens: [readerToken], subscribe: ['MINT_REQUESTED'] },
    },
    ...options,
  });
  nexus.onEvent('PAYMENT_RECEIVED', { name: 'works' }, async (payment, ctx) => {
    await ctx.once('charge', () => ({ charged: true }));
    ctx.dispatch('MINT_REQUESTED', { orderId: payment.orderId });
  });
  nexus.onEvent('MINT_REQUESTED', { name: 'stubborn', retry: { maxAttempts: 1 } }, () => {
    if (!mended)
      throw Object.assign(new Error('no \u001b[31mroute\u009b to the factory'), { code: 'ECONNREFUSED' });
  });
  await nexus.start();
  const server = createServer(
    createHttpHandler(nexus, { admin: true, rateLimit: false, nodeRateLimit: false }),
  );
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await nexus.close();
  });
  const { port } = server.address() as AddressInfo;
  return { nexus, cwd, url: `http://127.0.0.1:${port}`, mend: () => void (mended = true) };
}

/** Says payments, and waits until what came of them is final. */
export async function pay({ nexus }: Host, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 1; i <= count; i++) {
    const { id } = await nexus.dispatch('PAYMENT_RECEIVED', { orderId: `o-${i}` });
    await nexus.settled(id, { descendants: true });
    ids.push(id);
  }
  return ids;
}
