import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { protocolEvents } from '@neo-protocol/nexus';
import { createTestNexus, type TestNexus } from '@neo-protocol/nexus/testing';
import { notifyOnMint } from './notify-on-mint.js';

const mint = {
  contractAddress: 'EQ1',
  txHash: '0x1',
  orderId: 'o-1',
  recipient: 'wallet-1',
  amount: '10.00',
};
let t: TestNexus<typeof protocolEvents>;
const sent: { to: string; text: string; reference: string }[] = [];
const notify = notifyOnMint(async (message) => void sent.push(message));

beforeEach(() => {
  t = createTestNexus({ events: protocolEvents });
  sent.length = 0;
});
afterEach(() => t.close());

describe('notify-on-mint', () => {
  it('tells the recipient', async () => {
    expect(await t.run(notify, { type: 'MINT_CONFIRMED', payload: mint })).toMatchObject({
      outcome: 'succeeded',
    });
    expect(sent).toMatchObject([
      { to: 'wallet-1', text: 'Your payment o-1 arrived: 10.00 tokens are yours (0x1).' },
    ]);
  });

  it('gives the message a reference that is the same in every run', async () => {
    t.nexus.register(notify);
    const { eventId } = await t.deliverTwice({ type: 'MINT_CONFIRMED', payload: mint });
    expect(sent.map(({ reference }) => reference)).toEqual([eventId, eventId]);
  });

  it('sends nothing for a mint without a recipient', async () => {
    const payload = { contractAddress: 'EQ1' };
    expect(await t.run(notify, { type: 'MINT_CONFIRMED', payload })).toMatchObject({ outcome: 'succeeded' });
    expect(sent).toEqual([]);
  });

  it('is tried again when the gateway fails', async () => {
    const failing = notifyOnMint(() => Promise.reject(new Error('gateway down')));
    expect(await t.run(failing, { type: 'MINT_CONFIRMED', payload: mint })).toMatchObject({
      outcome: 'retry',
      error: { message: 'gateway down' },
    });
  });
});
