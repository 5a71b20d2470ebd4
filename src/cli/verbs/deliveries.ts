/** `nexus deliveries`: what each reactor does with each event. */
import type { DeliveryFilter } from '../../index.js';
import { looking, steering } from '../desks.js';
import { showDeliveries } from '../show-deliveries.js';
import { databaseOption, defineVerb, hostOption, type Verb } from '../verb.js';

const list = defineVerb({
  name: 'deliveries',
  summary: 'List deliveries: one per event, reactor and run',
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    state: {
      kind: 'text',
      value: 'state',
      many: true,
      choices: ['pending', 'running', 'succeeded', 'dead', 'cancelled'],
      help: 'Only in this state; may be given several times',
    },
    reactor: { kind: 'text', value: 'name', help: 'Only of this reactor' },
    event: { kind: 'text', value: 'id', help: 'Only of this event' },
    type: { kind: 'text', value: 'type', help: 'Only of events of this type' },
    error: { kind: 'text', value: 'code', help: 'Only whose last error has this code' },
    run: { kind: 'whole', value: 'n', help: 'Only of this replay; 0 is live' },
    limit: { kind: 'whole', value: 'n', short: 'n', otherwise: '50', help: 'At most so many' },
  },
  examples: [
    {
      line: 'nexus deliveries --state pending --reactor mint-on-payment',
      says: 'what a reactor has before it',
    },
    { line: 'nexus deliveries --event 0199d2c4-6f1e-7c3a-9d27-0c5a2b1e4f60', says: 'who got an event' },
  ],
  run: async (call) => {
    const { state, reactor, event, type, error, run, limit = 50 } = call.options;
    const filter: DeliveryFilter = {
      ...(state.length > 0 && { state: state as NonNullable<DeliveryFilter['state']> }),
      ...(reactor !== undefined && { reactor }),
      ...(event !== undefined && { eventId: event }),
      ...(type !== undefined && { type }),
      ...(error !== undefined && { errorCode: error }),
      ...(run !== undefined && { run }),
    };
    await looking(call, async ({ deliveries: desk }) => {
      let left = limit;
      while (left > 0 && !call.signal.aborted) {
        const page = await desk.list({ ...filter, limit: Math.min(left, 500) });
        showDeliveries(call.terminal, page.items);
        left -= page.items.length;
        if (page.next === undefined) break;
        filter.after = page.next;
      }
      if (left === limit) call.terminal.say('no deliveries');
    });
    return 0;
  },
});

function changing(what: 'retry' | 'cancel', summary: string): Verb {
  return defineVerb({
    name: `deliveries ${what}`,
    summary,
    over: ['file', 'http'],
    args: [{ name: 'id', many: true, help: 'The ids of deliveries' }],
    options: { ...databaseOption, ...hostOption },
    examples: [{ line: `nexus deliveries ${what} 1-0-1201`, says: `${what} one` }],
    run: async (call) => {
      await steering(call, async ({ deliveries: desk }) => {
        for (const id of call.args) {
          await desk[what](id);
          const now = await desk.get(id);
          if (now) showDeliveries(call.terminal, [now]);
        }
      });
      return 0;
    },
  });
}

export const deliveries: readonly Verb[] = [
  list,
  changing('retry', 'Make a delivery due now, whatever became of it'),
  changing('cancel', 'End a delivery that is not final'),
];
