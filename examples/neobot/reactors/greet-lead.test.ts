import { expect, it, onTestFinished } from 'vitest';
import { protocolEvents } from '@neo-protocol/nexus';
import { createTestNexus } from '@neo-protocol/nexus/testing';
import greetLead from './greet-lead.js';

function start() {
  const t = createTestNexus({ events: protocolEvents, reactors: [greetLead] });
  onTestFinished(() => t.close());
  return t;
}

it('welcomes who writes on WhatsApp', async () => {
  const t = start();
  await t.dispatch('LEAD_QUALIFIED', { leadId: '+55 11', channel: 'whatsapp', contact: '+55 11' });
  await t.drain();
  t.expectDispatched('NOTIFICATION_DISPATCH', { to: '+55 11', channel: 'whatsapp' }, { times: 1 });
});

it('leaves the leads of other channels to others', async () => {
  const t = start();
  await t.dispatch('LEAD_QUALIFIED', { leadId: 'l-1', channel: 'telegram', contact: '@ana' });
  expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
  t.expectNothingDispatched();
});
