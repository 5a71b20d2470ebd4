/** A process that opens a file when it is told to. `die`: it is killed when it has migrated, before that is committed. */
import { createInterface } from 'node:readline';
import { createNexus } from '../../src/create-nexus.js';
import { sqliteStorage, type SqliteDriver } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../support/database.js';

const [path = '', how = ''] = process.argv.slice(2);
let migrated = 0;
/** Says when the last statement of a migration runs. */
const driver: SqliteDriver = (file, options) => {
  const db = openDatabase(file, options);
  // What is written goes to the disk at once, before it is committed.
  if (how === 'die') db.exec('PRAGMA cache_size = 1');
  const prepare = db.prepare.bind(db);
  return Object.assign(db, {
    prepare: (sql: string) => {
      const statement = prepare(sql);
      if (!sql.includes(`UPDATE nexus_meta SET value = ? WHERE key = 'schema_version'`)) return statement;
      return {
        run: (...values: string[]) => {
          const result = statement.run(...values);
          if (how === 'die') process.kill(process.pid, 'SIGKILL');
          migrated += 1;
          return result;
        },
      };
    },
  });
};

process.stdout.write('ready\n');
createInterface({ input: process.stdin }).once('line', () => {
  const nexus = createNexus({ storage: sqliteStorage({ path, driver }), logger: false });
  const work = async (): Promise<void> => {
    const { seq } = await nexus.dispatch('HELLO', {});
    await nexus.close();
    process.stdout.write(JSON.stringify({ migrated, seq }));
    process.exit(0);
  };
  void work();
});
