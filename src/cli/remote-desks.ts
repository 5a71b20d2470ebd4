/** The desks of a running host: its admin routes, behind the interface that a Nexus in this process would have. */
import type { Delivery, Nexus, Page, Replay, ReplayOptions, ReplayReport } from '../index.js';
import { CliError, exitCodes } from './exit-codes.js';
import { rest } from './rest.js';
import { createRemote, queryOf, type HostCall, type Remote } from './remote.js';

/** What operators see and steer, of a file as well. */
export type Desks = Pick<
  Nexus,
  'deadLetters' | 'deliveries' | 'endpoints' | 'reactors' | 'replay' | 'replays'
> & {
  readonly audit: Pick<Nexus['audit'], 'checkpoint' | 'verify'>;
  readonly nodes: Pick<Nexus['nodes'], 'list'>;
};

/** How often a replay is asked how far it is. */
const LOOK_MS = 500;

export function remoteDesks(call: HostCall): Desks {
  const remote = createRemote(call);
  const act = async <T>(method: 'POST' | 'DELETE', path: string, body?: object): Promise<T> =>
    (await remote.act(method, `/admin/${path}`, body)) as T;
  const list = async <T>(path: string): Promise<T[]> =>
    (await pageOf<T, never>(remote, path, {})).items as T[];

  return {
    reactors: {
      list: () => list('reactors'),
      pause: (name) => act('POST', `reactors/${segment(name)}/pause`),
      resume: (name) => act('POST', `reactors/${segment(name)}/resume`),
      seek: (name, to) => act('POST', `reactors/${segment(name)}/seek`, { to }),
      remove: (name) => act('DELETE', `reactors/${segment(name)}`),
    },
    deliveries: {
      get: (id) => found<Delivery>(remote, `deliveries/${segment(id)}`),
      list: (filter) => pageOf(remote, 'deliveries', filter),
      retry: (id) => act('POST', `deliveries/${segment(id)}/retry`),
      cancel: (id) => act('POST', `deliveries/${segment(id)}/cancel`),
    },
    deadLetters: {
      list: (filter) => pageOf(remote, 'dead-letters', filter),
      redrive: (which) => act('POST', 'dead-letters/redrive', which),
      discard: (which) => act('POST', 'dead-letters/discard', which),
    },
    replay: (options) => replay(remote, options),
    replays: {
      list: (filter) => pageOf(remote, 'replays', filter),
      get: (run) => found<Replay>(remote, `replays/${run}`),
      cancel: (run) => act('DELETE', `replays/${run}`),
    },
    endpoints: {
      list: () => list('endpoints'),
      test: (node) => act('POST', `endpoints/${segment(node)}/test`),
      enable: (node) => act('POST', `endpoints/${segment(node)}/enable`),
      disable: (node) => act('POST', `endpoints/${segment(node)}/disable`),
    },
    nodes: { list: () => list('nodes') },
    audit: {
      checkpoint: () => act('POST', 'audit/checkpoint'),
      verify: ({ onProgress, from, checkpoint } = {}) =>
        remote.follow('/admin/audit/verify', { from, checkpoint }, (progress) => onProgress?.(progress)),
    },
  };
}

function segment(name: string): string {
  return encodeURIComponent(name);
}

async function pageOf<T, C>(remote: Remote, path: string, filter: object = {}): Promise<Page<T, C>> {
  const { items, next } = await remote.get(`/admin/${path}`, queryOf(filter));
  if (!Array.isArray(items))
    throw new CliError(exitCodes.failed, 'the host did not answer with a list: is it a Nexus?');
  return { items: items as T[], next: (next ?? undefined) as C | undefined };
}

async function found<T>(remote: Remote, path: string): Promise<T | undefined> {
  try {
    return (await remote.get(`/admin/${path}`)) as T;
  } catch (error) {
    if (error instanceof CliError && error.code === 'NEXUS_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Begins it, and asks how far it is until it is over. */
async function replay(
  remote: Remote,
  { dryRun, onProgress, signal, ...options }: ReplayOptions,
): Promise<ReplayReport> {
  const body = bodyOf(options);
  const tell = (progress: { done: number; total: number }, run?: number): void =>
    void onProgress?.({ run, ...progress });
  if (dryRun) return await remote.follow('/admin/replays/plan', body, tell);
  let now = (await remote.act('POST', '/admin/replays', body)) as unknown as Replay;
  for (;;) {
    const { run, state, fresh, reactors, done, total } = now;
    tell({ done, total }, run);
    if (state !== 'running') return { run, state, fresh, reactors };
    await rest(LOOK_MS, signal);
    signal?.throwIfAborted();
    now = (await remote.get(`/admin/replays/${run}`)) as unknown as Replay;
  }
}

/** A place in the log and an instant have names of their own there. */
function bodyOf({ from, to, ...rest }: Omit<ReplayOptions, 'dryRun' | 'onProgress' | 'signal'>): object {
  return {
    ...rest,
    ...(from instanceof Date ? { fromAt: from.getTime() } : { from }),
    ...(to instanceof Date ? { toAt: to.getTime() } : { to }),
  };
}
