/** What the reactors are given. */
import type { Contacts } from './contacts.js';
import type { SmartFactory } from './smart-factory.js';
import type { WhatsApp } from './whatsapp.js';

export type Services = {
  readonly contacts: Pick<Contacts, 'phoneOf'>;
  readonly factory: SmartFactory;
  readonly whatsApp: WhatsApp;
};
