/** A stand-in for the WhatsApp gateway: keeps what it was asked to send, a repetition once. */
import { listen, readJson, type Running } from './server.js';

export type Message = { readonly to: string; readonly text: string; readonly reference: string };
export type WhatsApp = Running & { readonly messages: readonly Message[] };

export async function startWhatsApp(onMessage: (message: Message) => void): Promise<WhatsApp> {
  const messages: Message[] = [];
  const running = await listen((request, response) => {
    readJson(request).then(
      (body) => {
        const message = body as unknown as Message;
        if (!messages.some(({ reference }) => reference === message.reference)) {
          messages.push(message);
          onMessage(message);
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"sent"}');
      },
      () => response.writeHead(400).end(),
    );
  });
  return { ...running, messages };
}
