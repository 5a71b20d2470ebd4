/** `nexus tail`: the log as it grows. */
import type { ShownEvent } from '../event-source.js';
import { withEvents } from '../event-source.js';
import { showEvent } from '../show-event.js';
import { databaseOption, defineVerb, hostOption } from '../verb.js';
import { filterOptions } from './events.js';

export const tail = defineVerb({
  name: 'tail',
  summary: 'Follow the log live',
  about: `Goes on until Ctrl-C, or until nobody reads its output any more. A file is looked at once a second; a host sends events as they
are stored, and after a cut the stream goes on behind the last event that came.`,
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    ...filterOptions,
    after: { kind: 'whole', value: 'seq', help: 'Begin behind this seq instead of at the end' },
    last: { kind: 'whole', value: 'n', short: 'n', otherwise: '10', help: 'Show the last so many first' },
    count: { kind: 'whole', value: 'n', help: 'End after so many' },
  },
  examples: [
    { line: 'nexus tail', says: 'the last ten, then live' },
    { line: 'nexus tail --type MINT_FAILED --json | jq .payload', says: 'one type, for another program' },
    {
      line: 'NEXUS_TOKEN=… nexus tail --url https://nexus.example.com',
      says: 'a running host, as far as its token may read',
    },
  ],
  run: async (call) => {
    const { options, terminal, signal } = call;
    const { type, source, correlation } = options;
    const wanted = (event: ShownEvent): boolean =>
      (source === undefined || event.source === source) &&
      (correlation === undefined || event.correlationId === correlation);
    let left = options.count ?? Infinity;
    const show = (event: ShownEvent): void => {
      if (left <= 0) return;
      showEvent(terminal, event);
      left -= 1;
    };
    await withEvents(call, async (log) => {
      let { after } = options;
      if (after === undefined) {
        const [newest] = (await log.page({ limit: 1 })).items;
        after = newest?.seq ?? 0;
        for (const event of await newestOf(log.page, options.last ?? 10, after + 1)) show(event);
      }
      if (left <= 0) return;
      terminal.say(`following from seq ${after}`);
      for await (const event of log.follow({ after, types: type })) {
        if (wanted(event)) show(event);
        if (left <= 0 || signal.aborted) return;
      }
    });
    return 0;

    async function newestOf(
      page: Parameters<Parameters<typeof withEvents>[1]>[0]['page'],
      count: number,
      before: number,
    ): Promise<readonly ShownEvent[]> {
      if (count === 0) return [];
      const { items } = await page({
        before,
        limit: Math.min(count, 1_000),
        ...(type.length > 0 && { type }),
        ...(source !== undefined && { source }),
        ...(correlation !== undefined && { correlationId: correlation }),
      });
      return [...items].reverse();
    }
  },
});
