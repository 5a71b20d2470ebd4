/**
 * A host of the outbox proof: writes each fact in its own table and as an event, in transactions that commit, roll back,
 * nest, stay open across turns of the event loop, or end with the process.
 */
import { createNexus } from '../../src/create-nexus.js';
import { createOutbox } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../../test/support/database.js';

const [storage = '', hostFile = '', mode = 'work', life = ''] = process.argv.slice(2);
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const chance = (share: number): boolean => Math.random() < share;

const nexus = createNexus({ storage, logger: false });
nexus.onEvent('FACT', { name: 'reader' }, () => undefined);
// Where host and Nexus share a file, Nexus is the one to make it.
await nexus.start();
const db = openDatabase(hostFile);
db.exec('PRAGMA journal_mode = WAL');
db.exec('CREATE TABLE IF NOT EXISTS facts (n INTEGER PRIMARY KEY AUTOINCREMENT, fact TEXT NOT NULL UNIQUE)');
createOutbox(db);
const shop = nexus.within(db);
let said = 0;

if (mode === 'drain') {
  await nexus.idle();
  await nexus.close();
} else {
  tell({ ready: true });
  for (;;) {
    await transact();
    if (chance(0.2)) await pause(Math.random() * 3);
  }
}

async function transact(): Promise<void> {
  const commits = chance(0.7);
  db.exec('BEGIN');
  try {
    say();
    for (let more = Math.floor(Math.random() * 3); more > 0; more--) say();
    if (chance(0.3)) nest(1);
    if (chance(0.15)) await pause(Math.random() * 8);
    if (chance(0.2)) say();
    if (chance(0.003)) process.kill(process.pid, 'SIGKILL');
    db.exec(commits ? 'COMMIT' : 'ROLLBACK');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
  tell({ ended: commits ? 'commit' : 'rollback' });
  if (chance(0.003)) process.kill(process.pid, 'SIGKILL');
}

function nest(depth: number): void {
  const name = `nested_${depth}`;
  db.exec(`SAVEPOINT ${name}`);
  say();
  if (chance(0.3) && depth < 3) nest(depth + 1);
  if (chance(0.5)) db.exec(`ROLLBACK TO ${name}`);
  db.exec(`RELEASE ${name}`);
}

function say(): void {
  const fact = `${life}-${(said += 1)}`;
  db.prepare('INSERT INTO facts (fact) VALUES (?)').run(fact);
  shop.dispatch('FACT', { fact });
}
