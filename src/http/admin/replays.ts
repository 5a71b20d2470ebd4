/** Replays: planned, begun, watched, ended. */
import { NexusError } from '../../core/errors.js';
import type { Ingress, Nexus, Replay, ReplayOptions } from '../../nexus.js';
import type { LongAnswers } from '../json-lines.js';
import { json } from '../problem.js';
import { act, type Act, type Asked } from './act.js';
import { page } from './list.js';

const scope = {
  reactors: 'texts',
  types: 'texts',
  from: 'whole',
  to: 'whole',
  fromAt: 'whole',
  toAt: 'whole',
  fresh: 'flag',
  forgotten: ['refuse', 'run'],
} as const;

export function replayActs(
  nexus: Pick<Nexus, 'replay' | 'replays' | 'reactors'>,
  { door, long }: { readonly door: Pick<Ingress, 'may'>; readonly long: LongAnswers },
): readonly Act[] {
  const { replays } = nexus;
  const numbered = async (target: string): Promise<Replay> => {
    const found = /^\d{1,15}$/.test(target) ? await replays.get(Number(target)) : undefined;
    if (found) return found;
    throw new NexusError('NEXUS_NOT_FOUND', `there is no replay ${JSON.stringify(target)}`);
  };
  /** To have events replayed is more than to steer: it is a matter of their types. */
  const allowed = async ({ given, node }: Asked<typeof scope>): Promise<ReplayOptions> => {
    const options = optionsOf(given);
    const wanted = new Set(options.reactors);
    const types =
      given.types ??
      (await nexus.reactors.list()).flatMap((each) => (wanted.has(each.name) ? each.types : []));
    const foreign = types.find((type) => !door.may(node, 'replay', type));
    if (foreign === undefined) return options;
    throw new NexusError(
      'NEXUS_PERMISSION_DENIED',
      `the node ${node} may not have ${foreign.slice(0, 200).toWellFormed()} replayed; its "subscribe" list must name the type`,
    );
  };

  return [
    act(
      'GET /admin/replays',
      { state: ['running', 'done', 'cancelled'], before: 'whole', limit: 'limit' },
      async ({ given }) => page(await replays.list(given)),
    ),
    act('POST /admin/replays', scope, async (asked) => {
      const run = await begin(nexus, await allowed(asked));
      return json(202, await numbered(String(run)), { location: `replays/${run}` });
    }),
    act('POST /admin/replays/plan', scope, async (asked) => {
      const options = await allowed(asked);
      return await long.answer((how) => nexus.replay({ ...options, ...how, dryRun: true }));
    }),
    act('GET /admin/replays/:run', {}, async ({ target }) => json(200, await numbered(target))),
    act('DELETE /admin/replays/:run', {}, async ({ target }) => {
      const { run } = await numbered(target);
      await replays.cancel(run);
      return json(200, await numbered(target));
    }),
  ];
}

/** Its number, once it is stored. Who wants to know how far it is, asks. */
async function begin(nexus: Pick<Nexus, 'replay'>, options: ReplayOptions): Promise<number | undefined> {
  const begun = new AbortController();
  let stored: number | undefined;
  const onProgress: ReplayOptions['onProgress'] = ({ run }) => {
    stored = run;
    begun.abort();
  };
  try {
    const { run } = await nexus.replay({ ...options, onProgress, signal: begun.signal });
    return run;
  } catch (error) {
    if (stored === undefined) throw error;
    return stored;
  }
}

function optionsOf({ fromAt, toAt, from, to, ...rest }: Asked<typeof scope>['given']): ReplayOptions {
  if (rest.reactors === undefined)
    throw new NexusError('NEXUS_INVALID_OPTION', '"reactors" must be a list of names');
  if ((from !== undefined && fromAt !== undefined) || (to !== undefined && toAt !== undefined))
    throw new NexusError('NEXUS_INVALID_OPTION', 'say "from" or "fromAt", and "to" or "toAt", not both');
  const first = fromAt === undefined ? from : new Date(fromAt);
  const last = toAt === undefined ? to : new Date(toAt);
  return { ...rest, ...(first !== undefined && { from: first }), ...(last !== undefined && { to: last }) };
}
