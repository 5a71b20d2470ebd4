/** `npx tsx test/storage/write-fixture.ts`, before a schema is released: from then on its file is what it was. */
import { fileURLToPath } from 'node:url';
import { SCHEMA_VERSION } from '../../src/storage/sqlite/migrations.js';
import { makeSchemaFile } from './schema-file.js';

await makeSchemaFile(fileURLToPath(new URL(`./fixtures/schema-${SCHEMA_VERSION}.db`, import.meta.url)));
