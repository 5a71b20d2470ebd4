/** Another process: says whether it can have the write lock of a file. */
import { openDatabase } from '../support/database.js';

const db = openDatabase(process.argv[2] ?? '', { busyMs: 0 });
let said = 'free';
try {
  db.exec('BEGIN IMMEDIATE; ROLLBACK');
} catch (error) {
  said = String((error as { code?: unknown }).code);
}
db.close();
process.stdout.write(said);
