import { expect, it, onTestFinished } from 'vitest';
import { protocolEvents } from '@neo-protocol/nexus';
import { createTestNexus } from '@neo-protocol/nexus/testing';
import { createWhatsApp } from '../whatsapp.js';
import sendNotification from './send-notification.js';

const notification = { channel: 'whatsapp', to: '+55 11', message: 'Hello' } as const;

async function start() {
  const t = createTestNexus({ events: protocolEvents });
  onTestFinished(() => t.close());
  const gateway = await t.fakeNode('whatsapp');
  const whatsApp = createWhatsApp({ url: gateway.url, token: 'token-of-the-test' });
  t.nexus.register(sendNotification({ whatsApp }));
  return { t, gateway };
}

it('sends it, under one key however often it runs', async () => {
  const { t, gateway } = await start();
  await t.deliverTwice({ type: 'NOTIFICATION_DISPATCH', payload: notification });
  expect(gateway.requests).toMatchObject([
    { path: '/messages', json: { to: '+55 11', text: 'Hello' } },
    { path: '/messages', json: { to: '+55 11', text: 'Hello' } },
  ]);
  expect(new Set(gateway.requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
});

it('waits as long as the gateway says, and keeps the order of what one person is told', async () => {
  const { t, gateway } = await start();
  gateway.next({ status: 429, headers: { 'retry-after': '30' } });
  await t.dispatch('NOTIFICATION_DISPATCH', { ...notification, message: 'first' });
  await t.dispatch('NOTIFICATION_DISPATCH', { ...notification, message: 'second' });
  await t.advance('29s');
  expect(gateway.requests).toHaveLength(1);
  await t.advance('1s');
  expect(await t.drain()).toMatchObject({ succeeded: 2, dead: 0 });
  expect(gateway.requests.map(({ json }) => (json as { text: string }).text)).toEqual([
    'first',
    'first',
    'second',
  ]);
});

it('leaves other channels to others', async () => {
  const { t, gateway } = await start();
  await t.dispatch('NOTIFICATION_DISPATCH', { ...notification, channel: 'discord' });
  await t.drain();
  expect(gateway.requests).toEqual([]);
});
