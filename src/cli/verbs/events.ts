/** `nexus events`: pages of the log. */
import type { EventFilter } from '../../index.js';
import { withEvents } from '../event-source.js';
import { showEvent } from '../show-event.js';
import { databaseOption, defineVerb, hostOption, type Options } from '../verb.js';

export const filterOptions = {
  type: {
    kind: 'text',
    value: 'type',
    short: 't',
    many: true,
    help: 'Only of this type; may be given several times',
  },
  source: { kind: 'text', value: 'node', help: 'Only what this node said' },
  correlation: { kind: 'text', value: 'id', help: 'Only with this correlation id' },
} as const satisfies Options;

export const events = defineVerb({
  name: 'events',
  summary: 'List events of the log, the newest first',
  about: `With --after they come in the order of the log. Reading is bounded: a page at a time, however much there is.`,
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    ...filterOptions,
    cause: { kind: 'text', value: 'id', help: 'Only children of this event' },
    after: { kind: 'whole', value: 'seq', help: 'Upward from behind this seq' },
    before: { kind: 'whole', value: 'seq', help: 'Downward from before this seq' },
    from: { kind: 'instant', value: 'when', help: 'Not before this date, or so long ago' },
    to: { kind: 'instant', value: 'when', help: 'Before this date, or so long ago' },
    limit: { kind: 'whole', value: 'n', short: 'n', otherwise: '50', help: 'At most so many' },
    all: { kind: 'flag', help: 'As many as there are' },
  },
  examples: [
    { line: 'nexus events --type PAYMENT_RECEIVED --from 2h', says: 'the payments of the last two hours' },
    { line: 'nexus events --after 0 --all --json > log.ndjson', says: 'the whole log, a line each' },
    {
      line: 'nexus events --url https://nexus.example.com --limit 5',
      says: 'the newest five of a running host',
    },
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    const { type, source, correlation, cause, after, before, from, to, all } = options;
    let left = all ? Infinity : (options.limit ?? 50);
    const filter: EventFilter = {
      ...(type.length > 0 && { type }),
      ...(source !== undefined && { source }),
      ...(correlation !== undefined && { correlationId: correlation }),
      ...(cause !== undefined && { causationId: cause }),
      ...(before !== undefined && { before }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(after !== undefined && { after }),
    };
    await withEvents(call, async (log) => {
      let shown = 0;
      while (left > 0 && !signal.aborted) {
        const page = await log.page({ ...filter, limit: Math.min(left, 500) });
        for (const event of page.items) showEvent(terminal, event);
        shown += page.items.length;
        left -= page.items.length;
        if (page.next === undefined) break;
        if (after !== undefined) filter.after = page.next;
        else filter.before = page.next;
      }
      if (shown === 0) terminal.say('no events');
    });
    return 0;
  },
});
