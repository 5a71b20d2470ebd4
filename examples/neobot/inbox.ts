/** `POST /whatsapp`: what people write, as the gateway hands it on. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Contacts, Message } from './contacts.js';

export function inbox(contacts: Contacts, token: string): RequestHandler {
  const expected = digest(`Bearer ${token}`);
  return (request, response) => {
    if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
      response.sendStatus(401);
    } else if (!isMessage(request.body)) {
      response.sendStatus(400);
    } else {
      contacts.receive(request.body);
      response.sendStatus(200);
    }
  };
}

function isMessage(body: unknown): body is Message {
  const { id, from, text } = (body ?? {}) as Partial<Record<string, unknown>>;
  return [id, from, text].every((value) => typeof value === 'string' && value !== '');
}

/** Of one length, as the comparison needs it. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
