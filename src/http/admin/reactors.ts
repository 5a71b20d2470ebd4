/** Reactors: how far they are, and what to do about it. */
import { NexusError } from '../../core/errors.js';
import type { Nexus, ReactorInfo } from '../../nexus.js';
import { json } from '../problem.js';
import { act, type Act } from './act.js';
import { list } from './list.js';

export function reactorActs({ reactors }: Pick<Nexus, 'reactors'>): readonly Act[] {
  const named = async (name: string): Promise<ReactorInfo> => {
    const found = (await reactors.list()).find((each) => each.name === name);
    if (found) return found;
    throw new NexusError('NEXUS_NOT_FOUND', `there is no reactor ${JSON.stringify(name)}`);
  };
  return [
    act('GET /admin/reactors', {}, async () => list(await reactors.list())),
    act('GET /admin/reactors/:name', {}, async ({ target }) => json(200, await named(target))),
    act('DELETE /admin/reactors/:name', {}, async ({ target }) =>
      json(200, { removed: target, ...(await reactors.remove(target)) }),
    ),
    act('POST /admin/reactors/:name/pause', {}, async ({ target }) => {
      await reactors.pause(target);
      return json(200, await named(target));
    }),
    act('POST /admin/reactors/:name/resume', {}, async ({ target }) => {
      await reactors.resume(target);
      return json(200, await named(target));
    }),
    act('POST /admin/reactors/:name/seek', { to: 'any' }, async ({ target, given: { to } }) => {
      if (to !== 'now' && !(Number.isSafeInteger(to) && (to as number) >= 0))
        throw new NexusError('NEXUS_INVALID_OPTION', '"to" must be a seq, or "now"');
      await reactors.seek(target, to as 'now' | number);
      return json(200, await named(target));
    }),
  ];
}
