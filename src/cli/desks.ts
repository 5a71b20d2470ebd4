/** What operators see and steer: the same desks, of a database file or of a running host. */
import type { NexusOptions } from '../index.js';
import { editing, reading } from './database.js';
import { remoteDesks, type Desks } from './remote-desks.js';
import type { Call, databaseOption, hostOption } from './verb.js';

/** For verbs that work both ways. */
export type WayCall = Pick<
  Call<typeof databaseOption & typeof hostOption>,
  'options' | 'env' | 'signal' | 'terminal'
>;

/** What a Nexus on a file is made with besides, where that is known only once it is to be a file. */
type More = () => Pick<NexusOptions, 'nodes'>;

const nothing: More = () => ({});

/** Looks, and changes nothing. */
export async function looking<T>(
  call: WayCall,
  use: (desks: Desks) => Promise<T>,
  more: More = nothing,
): Promise<T> {
  return isRemote(call) ? await use(remoteDesks(call)) : await reading(call, use, more());
}

/** For what is to change something. */
export async function steering<T>(
  call: WayCall,
  use: (desks: Desks) => Promise<T>,
  more: More = nothing,
): Promise<T> {
  return isRemote(call) ? await use(remoteDesks(call)) : await editing(call, use, more());
}

/** Whether a host is asked, and not a file. */
export function isRemote({ options }: Pick<WayCall, 'options'>): boolean {
  return options.url !== undefined;
}
