/** An event that was just said. */
import type { JsonObject } from '../core/event.js';
import type { NewEvent } from '../storage/storage.js';
import type { Draft } from './work.js';

/**
 * A class, though it only holds what it is given. Where many of what one object literal makes outlive a collection, as in a
 * burst of dispatches, V8 has that literal make all later ones in the old generation for as long as the process lives: there
 * each keeps its text and hashes from the young collector, for a fifth of the processor time. Constructors are exempt.
 */
export class EventDraft implements Draft {
  seq = 0;
  hash = '';
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly timestamp: number;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly headers: string | null;
  readonly schemaVersion: number;
  readonly notBefore: number | null;
  readonly salt: string;
  readonly payload: string;
  readonly payloadHash: string;
  readonly keys: readonly string[];
  readonly onOther: NewEvent['onOther'];
  readonly idGiven: boolean;
  unread: JsonObject | undefined;

  constructor(said: Omit<EventDraft, 'seq' | 'hash'>) {
    this.id = said.id;
    this.type = said.type;
    this.source = said.source;
    this.timestamp = said.timestamp;
    this.correlationId = said.correlationId;
    this.causationId = said.causationId;
    this.headers = said.headers;
    this.schemaVersion = said.schemaVersion;
    this.notBefore = said.notBefore;
    this.salt = said.salt;
    this.payload = said.payload;
    this.payloadHash = said.payloadHash;
    this.keys = said.keys;
    this.onOther = said.onOther;
    this.idGiven = said.idGiven;
    this.unread = said.unread;
  }
}
