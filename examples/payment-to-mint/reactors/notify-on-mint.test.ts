import { describe, expect, it } from 'vitest';
import type { ReactorContext, protocolEvents } from '@neo-protocol/nexus';
import { notifyOnMint } from './notify-on-mint.js';

const context = {
  event: { id: 'event-1' },
  log: { info: () => undefined },
} as unknown as ReactorContext<typeof protocolEvents, 'MINT_CONFIRMED'>;

describe('notify-on-mint', () => {
  it('tells the recipient, with a reference that is the same in every run', async () => {
    const sent: unknown[] = [];
    const reactor = notifyOnMint(async (message) => void sent.push(message));
    await reactor.handler(
      { contractAddress: 'EQ1', txHash: '0x1', orderId: 'o-1', recipient: 'wallet-1', amount: '10.00' },
      context,
    );
    expect(sent).toEqual([
      {
        to: 'wallet-1',
        text: 'Your payment o-1 arrived: 10.00 tokens are yours (0x1).',
        reference: 'event-1',
      },
    ]);
  });

  it('sends nothing for a mint without a recipient', async () => {
    const sent: unknown[] = [];
    const reactor = notifyOnMint(async (message) => void sent.push(message));
    await reactor.handler({ contractAddress: 'EQ1' }, context);
    expect(sent).toEqual([]);
  });

  it('fails when the gateway fails, so that it is tried again', async () => {
    const reactor = notifyOnMint(() => Promise.reject(new Error('gateway down')));
    await expect(reactor.handler({ contractAddress: 'EQ1', recipient: 'wallet-1' }, context)).rejects.toThrow(
      'gateway down',
    );
  });
});
