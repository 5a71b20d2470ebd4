import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { protocolEvents, type Nexus } from '@neo-protocol/nexus';
import { createTestNexus } from '@neo-protocol/nexus/testing';
import { needsBetterSqlite3 } from '../../test/support/better-sqlite3.js';
import { openContacts } from './contacts.js';

beforeEach(needsBetterSqlite3);

function start(wrap = (nexus: Nexus<typeof protocolEvents>): Pick<typeof nexus, 'within'> => nexus) {
  const t = createTestNexus({ events: protocolEvents });
  const contacts = openContacts(':memory:', wrap(t.nexus));
  onTestFinished(async () => {
    await t.close();
    contacts.close();
  });
  return { t, contacts };
}
const hello = { id: 'm-1', from: '+55 11', text: 'hello' };

it('makes one lead of somebody, however often they write and the gateway repeats it', async () => {
  const { t, contacts } = start();
  contacts.receive(hello);
  contacts.receive(hello);
  contacts.receive({ ...hello, id: 'm-2' });
  await t.drain();
  expect(contacts.count()).toBe(1);
  t.expectDispatched('LEAD_QUALIFIED', { contact: '+55 11' }, { times: 1 });
});

it('keeps neither message nor contact when the event cannot be said', async () => {
  let isBroken = true;
  const { t, contacts } = start((nexus) => ({
    within: (db) => {
      const outbox = nexus.within(db);
      return {
        dispatch: (...args) => {
          const said = outbox.dispatch(...args);
          if (isBroken) throw new Error('after it was written');
          return said;
        },
      };
    },
  }));
  expect(() => contacts.receive(hello)).toThrow('after it was written');
  expect(contacts.count()).toBe(0);
  await t.drain();
  t.expectNothingDispatched();

  isBroken = false;
  contacts.receive(hello);
  await t.drain();
  t.expectDispatched('LEAD_QUALIFIED', { contact: '+55 11' }, { times: 1 });
});

it('knows whose wallet it is, and lets nobody else have it', () => {
  const { contacts } = start();
  contacts.receive({ id: 'm-1', from: '+55 11', text: 'wallet EQana' });
  contacts.receive({ id: 'm-2', from: '+55 22', text: 'wallet EQana' });
  expect(contacts.phoneOf('EQana')).toBe('+55 11');
  expect(contacts.phoneOf('EQbea')).toBeUndefined();
});

it('does not go back to an older wallet when the gateway repeats what set it', () => {
  const { contacts } = start();
  const first = { id: 'm-1', from: '+55 11', text: 'wallet EQold' };
  contacts.receive(first);
  contacts.receive({ id: 'm-2', from: '+55 11', text: 'wallet EQnew' });
  contacts.receive(first);
  expect(contacts.phoneOf('EQnew')).toBe('+55 11');
  expect(contacts.phoneOf('EQold')).toBeUndefined();
});
