import { expect, it, onTestFinished } from 'vitest';
import { protocolEvents } from '@neo-protocol/nexus';
import { createTestNexus } from '@neo-protocol/nexus/testing';
import tellAboutMint from './tell-about-mint.js';

const contacts = { phoneOf: (wallet: string) => (wallet === 'EQana' ? '+55 11' : undefined) };

function start() {
  const t = createTestNexus({ events: protocolEvents, reactors: [tellAboutMint({ contacts })] });
  onTestFinished(() => t.close());
  return t;
}

it('tells the one who has the wallet', async () => {
  const t = start();
  await t.dispatch('MINT_CONFIRMED', { contractAddress: 'EQneo', recipient: 'EQana', amount: '10.00' });
  await t.drain();
  t.expectDispatched('NOTIFICATION_DISPATCH', { to: '+55 11', message: '10.00 tokens are in your wallet.' });
});

it('tells once, also when the process dies before anybody knows that it did', async () => {
  const t = start();
  t.crashAfter('handler');
  await t.dispatch('MINT_CONFIRMED', { contractAddress: 'EQneo', recipient: 'EQana' });
  await t.drain({ untilDone: true });
  expect(t.crashes).toBe(1);
  t.expectDispatched('NOTIFICATION_DISPATCH', {}, { times: 1 });
});

it.each([{ recipient: 'EQstranger' }, {}])('tells nobody of a mint for %o', async (mint) => {
  const t = start();
  await t.dispatch('MINT_CONFIRMED', { contractAddress: 'EQneo', ...mint });
  expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
  t.expectNothingDispatched();
});
