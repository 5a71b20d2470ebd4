/** Webhook endpoints, and the nodes that have them. */
import { NexusError } from '../../core/errors.js';
import type { EndpointInfo, Nexus } from '../../nexus.js';
import { json } from '../problem.js';
import { act, type Act } from './act.js';
import { list } from './list.js';

export function endpointActs({ endpoints, nodes }: Pick<Nexus, 'endpoints' | 'nodes'>): readonly Act[] {
  const of = async (node: string): Promise<EndpointInfo> => {
    const found = (await endpoints.list()).find((each) => each.node === node);
    if (found) return found;
    throw new NexusError('NEXUS_NOT_FOUND', `the node ${JSON.stringify(node)} has no endpoint`);
  };
  return [
    act('GET /admin/nodes', {}, async () => list(await nodes.list())),
    act('GET /admin/endpoints', {}, async () => list(await endpoints.list())),
    act('GET /admin/endpoints/:node', {}, async ({ target }) => json(200, await of(target))),
    act('POST /admin/endpoints/:node/test', {}, async ({ target }) =>
      json(200, await endpoints.test(target)),
    ),
    act('POST /admin/endpoints/:node/enable', {}, async ({ target }) => {
      await endpoints.enable(target);
      return json(200, await of(target));
    }),
    act('POST /admin/endpoints/:node/disable', {}, async ({ target }) => {
      await endpoints.disable(target);
      return json(200, await of(target));
    }),
  ];
}
