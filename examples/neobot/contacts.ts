/** Neobot's own database: what people wrote, and who they are. A message and what follows from it are one transaction. */
// eslint-disable-next-line no-restricted-imports -- a host opens its database itself
import Database from 'better-sqlite3';
import { createOutbox, type Nexus, type protocolEvents } from '@neo-protocol/nexus';

export type Message = { readonly id: string; readonly from: string; readonly text: string };

export type Contacts = {
  /** Keeps a message. The first one of somebody makes a lead; `wallet <address>` says where their tokens go. */
  receive(message: Message): void;
  /** Who has this wallet. */
  phoneOf(wallet: string): string | undefined;
  count(): number;
  close(): void;
};

export function openContacts(path: string, nexus: Pick<Nexus<typeof protocolEvents>, 'within'>): Contacts {
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  // What is said through the outbox is as durable as this connection's commits.
  db.pragma('synchronous = FULL');
  db.exec(`
    CREATE TABLE IF NOT EXISTS contacts (phone TEXT PRIMARY KEY, wallet TEXT UNIQUE) STRICT;
    CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, phone TEXT NOT NULL, text TEXT NOT NULL) STRICT;
  `);
  createOutbox(db);
  const outbox = nexus.within(db);

  const addMessage = db.prepare('INSERT OR IGNORE INTO messages VALUES (?, ?, ?)');
  const addContact = db.prepare('INSERT OR IGNORE INTO contacts (phone) VALUES (?)');
  const setWallet = db.prepare('UPDATE OR IGNORE contacts SET wallet = ? WHERE phone = ?');
  const byWallet = db.prepare('SELECT phone FROM contacts WHERE wallet = ?').pluck();
  const howMany = db.prepare('SELECT count(*) FROM contacts').pluck();

  const receive = db.transaction(({ id, from, text }: Message) => {
    // A gateway says some things twice.
    if (addMessage.run(id, from, text).changes === 0) return;
    const isNew = addContact.run(from).changes === 1;
    const [, wallet] = /^wallet (\S+)$/.exec(text) ?? [];
    if (wallet !== undefined) setWallet.run(wallet, from);
    if (isNew) outbox.dispatch('LEAD_QUALIFIED', { leadId: from, channel: 'whatsapp', contact: from });
  });

  return {
    receive: (message) => receive.immediate(message),
    phoneOf: (wallet) => byWallet.get(wallet) as string | undefined,
    count: () => howMany.get() as number,
    close: () => void db.close(),
  };
}
