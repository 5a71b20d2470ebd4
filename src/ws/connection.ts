/** One client: what it says, what it is sent, and when it has to go. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { NexusError } from '../core/errors.js';
import type { Follower, Ingress, LiveEvent } from '../nexus.js';
import type { Guest } from './entrance.js';
import { frameOf } from './frame.js';
import { errorText, parseMessage, type Message } from './messages.js';
import type { WebSocketSettings } from './options.js';
import { createSubscription } from './subscription.js';

export interface Connection {
  /** A heartbeat has passed. */
  beat(): void;
  /** Who may what has changed. */
  recheck(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** Codes with which a connection ends: those of RFC 6455, and two for what a client cannot mend by connecting again. */
const POLICY = 1008;
const TRY_AGAIN_LATER = 1013;
const UNAUTHENTICATED = 4401;
const PERMISSION_DENIED = 4403;

/** How long the other side may take to say goodbye. */
const GOODBYE_MS = 2_000;
const MOST_WAITING = 64;

export function createConnection(options: {
  ws: WebSocket;
  socket: Duplex;
  guest: Guest;
  door: Ingress;
  settings: WebSocketSettings;
  gone: () => void;
}): Connection {
  const { ws, socket, guest, door, settings } = options;
  const { node, token } = guest;
  const may = (type: string): boolean => door.may(node, 'read', type);
  const subscription = createSubscription(may);
  const bucket = createBucket(settings.messageRate);
  let follower: Follower | undefined;
  let heard = true;
  /** Since when it is at its high-water mark. */
  let heldSince: number | undefined;
  let turn: Promise<void> = Promise.resolve();
  let waiting = 0;

  const isOpen = (): boolean => ws.readyState === ws.OPEN;
  const send = (text: string): void => {
    if (isOpen()) ws.send(text);
  };
  const close = (code: number, reason: string): void => {
    follower?.close();
    if (!isOpen()) return;
    ws.close(code, reason);
    setTimeout(() => ws.terminate(), GOODBYE_MS).unref();
  };
  const isHeld = (): boolean => socket.writableLength >= settings.highWaterMarkBytes;

  const sink = {
    wants: (type: string, seq: number) => subscription.wants(type, seq),
    room: () => {
      if (!isOpen()) return false;
      if (isHeld()) heldSince ??= performance.now();
      else heldSince = undefined;
      return heldSince === undefined;
    },
    take: (events: readonly LiveEvent[]) => {
      // Whole frames, written past `ws`: it has nothing of its own half written, for nothing is compressed or streamed.
      socket.cork();
      for (const event of events) socket.write(frameOf(event));
      socket.uncork();
    },
    failed: (error: unknown) => {
      door.failed(error);
      close(TRY_AGAIN_LATER, 'NEXUS_STORAGE');
    },
  };

  const forbidden = (types: readonly string[]): boolean => {
    const foreign = types.find((type) => type !== '*' && !may(type));
    if (foreign === undefined) return false;
    door.denied({ node, reason: 'permission', ip: undefined });
    send(errorText('NEXUS_PERMISSION_DENIED', `the node ${node} may not subscribe to ${foreign}`));
    return true;
  };
  const subscribe = async (types: readonly string[], after: number | undefined): Promise<void> => {
    if (forbidden(types)) return;
    let place;
    try {
      place = await door.live.place(after);
    } catch (error) {
      send(refusalText(error, (unexpected) => door.failed(unexpected)));
      return;
    }
    // It may have been taken away while the log was asked.
    if (!isOpen() || forbidden(types)) return;
    const { position, logId } = place;
    const from = subscription.add(types, { after, head: position, scanned: follower?.position });
    send(JSON.stringify({ status: 'subscribed', events: types, position, logId }));
    if (!follower) follower = door.live.follow(sink, from);
    else if (from < follower.position) follower.seek(from);
  };
  const unsubscribe = (types: readonly string[] | undefined): void => {
    const events = types ?? subscription.types();
    subscription.remove(types);
    if (subscription.types().length === 0) {
      follower?.close();
      follower = undefined;
    }
    send(JSON.stringify({ status: 'unsubscribed', events }));
  };
  const handle = async (message: Message): Promise<void> => {
    if (!isOpen()) return;
    if ('wrong' in message) send(errorText('NEXUS_BAD_REQUEST', message.wrong));
    else if (message.action === 'subscribe') await subscribe(message.events, message.after);
    else if (message.action === 'unsubscribe') unsubscribe(message.events);
    else send(JSON.stringify({ status: 'pong', position: follower?.position ?? null }));
  };

  const tooFast = (): boolean => {
    heard = true;
    if (bucket()) return false;
    close(POLICY, 'NEXUS_RATE_LIMITED');
    return true;
  };
  const silent = setTimeout(() => close(POLICY, 'NEXUS_TIMEOUT'), settings.handshakeMs);
  silent.unref();
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    if (tooFast()) return;
    const message = isBinary
      ? { wrong: 'the message is binary; send JSON as text' }
      : parseMessage(data.toString());
    if (!('wrong' in message)) clearTimeout(silent);
    if (waiting >= MOST_WAITING) {
      close(POLICY, 'NEXUS_RATE_LIMITED');
      return;
    }
    waiting += 1;
    turn = turn
      .then(() => handle(message))
      .catch((error: unknown) => {
        door.failed(error);
        close(1011, 'NEXUS_INTERNAL');
      })
      .finally(() => {
        waiting -= 1;
      });
  });
  ws.on('ping', tooFast);
  ws.on('pong', () => {
    heard = true;
  });
  // Broken frames and resets end the connection; that is all there is to it.
  ws.on('error', () => undefined);
  const drained = (): void => {
    heldSince = undefined;
    follower?.pump();
  };
  socket.on('drain', drained);
  ws.on('close', () => {
    clearTimeout(silent);
    socket.off('drain', drained);
    follower?.close();
    options.gone();
  });

  return {
    close,
    terminate: () => ws.terminate(),
    beat: () => {
      if (!isOpen()) return;
      if (isHeld()) {
        // A ping would wait behind what it does not read.
        const since = (heldSince ??= performance.now());
        if (performance.now() - since >= settings.slowLimitMs) close(TRY_AGAIN_LATER, 'NEXUS_SLOW_READER');
        return;
      }
      heldSince = undefined;
      if (!heard) {
        ws.terminate();
        return;
      }
      heard = false;
      ws.ping();
    },
    recheck: () => {
      if (door.bearer(token) !== node) close(UNAUTHENTICATED, 'NEXUS_UNAUTHENTICATED');
      else if (!door.reads(node) || subscription.types().some((type) => type !== '*' && !may(type)))
        close(PERMISSION_DENIED, 'NEXUS_PERMISSION_DENIED');
      subscription.forget();
    },
  };
}

const told = new Set<string>(['NEXUS_POSITION_AHEAD', 'NEXUS_POSITION_PRUNED', 'NEXUS_CLOSED']);

/** What concerns the storage is the operator's business. */
function refusalText(error: unknown, tell: (error: unknown) => void): string {
  if (NexusError.is(error) && told.has(error.code)) return errorText(error.code, error.message);
  tell(error);
  return errorText('NEXUS_STORAGE', 'the log cannot be read at present; subscribe again later');
}

/** True while there is a token. */
function createBucket({ perSecond, burst }: { perSecond: number; burst: number }): () => boolean {
  let tokens = burst;
  let at = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - at) * perSecond) / 1_000);
    at = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
