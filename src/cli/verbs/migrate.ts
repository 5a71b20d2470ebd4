/** `nexus migrate`: brings a database to the schema of this version. */
import { existsSync } from 'node:fs';
import { createNexus, sqliteStorage } from '../../index.js';
import { pathOf, reading } from '../database.js';
import { missing } from '../exit-codes.js';
import { dangerOptions, databaseOption, defineVerb } from '../verb.js';

export const migrate = defineVerb({
  name: 'migrate',
  summary: 'Bring a database to the schema of this version',
  about: `A host does it by itself when it starts. Older versions do not open the file afterwards: stop them, and make a backup, before.`,
  over: ['file'],
  options: { ...databaseOption, ...dangerOptions },
  examples: [{ line: 'nexus migrate --db nexus.db --yes', says: 'in a deploy, before the hosts start' }],
  run: async (call) => {
    const path = pathOf(call);
    if (!existsSync(path)) throw missing(`there is no database at ${path}; say which with --db or NEXUS_DB`);
    await call.terminal.confirm(
      `Migrate ${path}? Older versions do not open it afterwards.`,
      call.options.yes,
    );
    const nexus = createNexus({
      logger: false,
      retention: { succeededMs: Infinity },
      storage: sqliteStorage({ path, minFreeBytes: 0 }),
    });
    try {
      await nexus.start();
    } finally {
      await nexus.close();
    }
    const { head } = await reading(call, (opened) => opened.stats());
    if (call.terminal.json) call.terminal.data({ path, head });
    else call.terminal.out(`${path} has the schema of this version; its head is seq ${head}`);
    return 0;
  },
});
