import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNexus, memoryStorage, type NodeConfig } from '@neo-protocol/nexus';
import { signRequest } from '@neo-protocol/nexus/sdk';
import { createReceiver, type ProtocolNews } from './receiver.js';
import { openSeen } from './seen.js';

const secret = `whsec_${randomBytes(32).toString('base64')}`;
const payment = {
  id: '0190b6a0-0000-7000-8000-000000000001',
  event: 'PAYMENT_RECEIVED',
  payload: { orderId: 'o-1', amount: '129.90', payerId: 'ana' },
  timestamp: '2026-03-01T12:00:00.000Z',
  seq: 1,
  source: 'flowpay',
};
const body = JSON.stringify(payment);

async function start(handle: (event: ProtocolNews) => Promise<void> | void, folder = temporary()) {
  const seen = openSeen(join(folder, 'seen.txt'));
  const server = createServer(createReceiver({ secrets: [secret], seen, handle }));
  onTestFinished(() => {
    server.close();
    seen.close();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/webhook/nexus`;
  const post = async (headers: Record<string, string>, content = body) => {
    const response = await fetch(url, { method: 'POST', headers, body: content });
    return { status: response.status, body: (await response.json()) as unknown };
  };
  return Object.assign(post, { url });
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-receiver-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const received = { status: 200, body: { status: 'received' } };
const sign = async (): Promise<Record<string, string>> =>
  await signRequest(body, secret, { signatures: ['nexus', 'standard'], id: payment.id });

describe('a receiver', () => {
  it('takes what the Nexus signs, and handles an event once, also after a restart', async () => {
    const folder = temporary();
    const handled: unknown[] = [];
    const handle = (event: ProtocolNews): void => void handled.push(event.type, event.payload);
    const post = await start(handle, folder);
    expect(await post(await sign())).toEqual(received);
    expect(await post(await sign())).toEqual(received);
    const at = new Date();
    const theirs = {
      'webhook-id': payment.id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(payment.id, at, body),
    };
    expect(await (await start(handle, folder))(theirs)).toEqual(received);
    expect(handled).toEqual(['PAYMENT_RECEIVED', payment.payload]);
  });

  it('handles one event once, though it arrives several times at once', async () => {
    let handled = 0;
    const post = await start(async () => {
      handled += 1;
      await new Promise((next) => setImmediate(next));
    });
    const headers = await sign();
    expect(await Promise.all([1, 2, 3, 4].map(() => post(headers)))).toEqual([
      received,
      received,
      received,
      received,
    ]);
    expect(handled).toBe(1);
  });

  it('answers 500 where it fails, and handles the event when it comes again', async () => {
    let attempts = 0;
    const post = await start(() => {
      if (attempts++ === 0) throw new Error('the database is away');
    });
    expect((await post(await sign())).status).toBe(500);
    expect(await post(await sign())).toEqual(received);
    expect(attempts).toBe(2);
  });

  it('turns away what is not signed, not fresh, or not an event', async () => {
    const post = await start(() => expect.unreachable());
    expect(await post({})).toEqual({ status: 401, body: { error: 'missing' } });
    expect(await post(await sign(), body.replace('129', '999'))).toEqual({
      status: 401,
      body: { error: 'wrong' },
    });
    const old = await signRequest(body, secret, {
      signatures: ['standard'],
      timestamp: Date.now() - 400_000,
    });
    expect(await post(old)).toEqual({ status: 401, body: { error: 'expired' } });
    expect((await post(await signRequest('{}', secret), '{}')).status).toBe(400);
    expect((await post(await sign(), 'x'.repeat(2_000_000))).status).toBe(413);
  });

  it('takes what a Nexus sends, also while it does not have the newest secret yet', async () => {
    const handled: unknown[] = [];
    const { url } = await start((event) => void handled.push(event.payload));
    const closer: NodeConfig = {
      secrets: [secret],
      subscribe: ['*'],
      webhook: { url, allowPrivateNetwork: true },
    };
    const nexus = createNexus({ storage: memoryStorage(), logger: false, nodes: { closer } });
    onTestFinished(async () => {
      await nexus.close();
    });
    await nexus.start();
    const first = await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o-1', text: 'olá 🌍\u2028' });
    await nexus.settled(first.id);
    await nexus.nodes.rotate('closer', `whsec_${randomBytes(32).toString('base64')}`);
    const second = await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o-2' });
    await nexus.settled(second.id);
    expect(handled).toEqual([{ orderId: 'o-1', text: 'olá 🌍\u2028' }, { orderId: 'o-2' }]);
  });
});
