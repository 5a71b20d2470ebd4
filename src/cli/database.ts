/** Work on a database file, beside the hosts that may be running on it. */
import { existsSync } from 'node:fs';
import {
  createNexus,
  NexusError,
  sqliteStorage,
  type AnyCatalogue,
  type Catalogue,
  type Nexus,
  type NexusOptions,
  type Storage,
} from '../index.js';
import { missing } from './exit-codes.js';
import type { Call, databaseOption } from './verb.js';

type FileCall = Pick<Call<typeof databaseOption>, 'options' | 'terminal'>;

/** Where the database is. */
export function pathOf({ options }: FileCall): string {
  return options.db ?? './nexus.db';
}

/** Looks at a database: takes no lease, migrates nothing, writes nothing. */
export async function reading<T>(
  call: FileCall,
  use: (nexus: Nexus) => Promise<T>,
  more: Pick<NexusOptions, 'nodes'> = {},
): Promise<T> {
  const path = pathOf(call);
  if (!existsSync(path)) throw missing(`there is no database at ${path}; say which with --db or NEXUS_DB`);
  return await using(
    createNexus({ ...bystander, ...more, storage: sqliteStorage({ path, readonly: true }) }),
    use,
  );
}

/** For what must open the file to change it. Who is not sure to find it as this version knows it, makes and migrates nothing. */
export async function editing<T, E extends Catalogue = AnyCatalogue>(
  call: FileCall,
  use: (nexus: Nexus<E>) => Promise<T>,
  more: Pick<NexusOptions<E>, 'events' | 'nodes' | 'node'> & { readonly floor?: true } = {},
): Promise<T> {
  const path = pathOf(call);
  // A slip of the pen would make an empty database, and a newer command line would migrate under the feet of the host.
  await reading(call, (nexus) => nexus.stats());
  const { floor, ...options } = more;
  // Corrections are for a full disk, too; only what brings new events minds the floor.
  const storage = idle(sqliteStorage({ path, ...(!floor && { minFreeBytes: 0 }) }));
  return await using(createNexus<E>({ ...bystander, ...options, storage }), use);
}

/**
 * No reactor runs here, not even one that delivers the webhooks of nodes: that is for hosts, and a list of nodes that is not
 * theirs would change what they are subscribed to.
 */
function idle(storage: Storage): Storage {
  const register: Storage['register'] = async ({ name }) => {
    throw new NexusError('NEXUS_READ_ONLY', `the reactor ${name} is not for the command line to run`);
  };
  return Object.assign(Object.create(storage) as Storage, { register });
}

/** Retention is the host's business: what it keeps, no operator's command may remove. */
const bystander = {
  logger: false,
  retention: { succeededMs: Infinity, deadMs: Infinity },
} as const;

async function using<T, E extends Catalogue>(
  nexus: Nexus<E>,
  use: (nexus: Nexus<E>) => Promise<T>,
): Promise<T> {
  try {
    await nexus.start();
    return await use(nexus);
  } finally {
    await nexus.close({ timeoutMs: 5_000 });
  }
}
