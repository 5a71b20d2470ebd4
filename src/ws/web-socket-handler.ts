/** The WebSocket handler: beside whatever else the host's server upgrades, on one path of its own. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { createClientAddress } from '../core/client-address.js';
import { NexusError } from '../core/errors.js';
import type { Nexus, NexusWithIngress } from '../nexus.js';
import { ingress } from '../nexus.js';
import { createConnection, type Connection } from './connection.js';
import { createEntrance } from './entrance.js';
import { webSocketSettings, type WebSocketHandlerOptions } from './options.js';
import { refuse, type Refusal } from './refusal.js';
import { shieldFor } from './shield.js';

/** A server that upgrades: of `node:http` or `node:https`. */
export interface UpgradeServer {
  prependListener(name: 'upgrade', listener: UpgradeListener): unknown;
  removeListener(name: 'upgrade', listener: UpgradeListener): unknown;
}
/** What is called when a client wants to upgrade. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Serves the log over WebSocket. */
export interface WebSocketHandler {
  /** Adds one `upgrade` listener to a server. Returns its end; open connections stay. */
  attach(server: UpgradeServer): () => void;
  /** For servers that hand out upgrades themselves. True when the path was Nexus's; then it has been dealt with. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Closes every connection with 1001 and takes no more. Resolves once they are gone. */
  close(): Promise<void>;
  /** Connections that are open. */
  readonly connections: number;
}

const GOING_AWAY = 1001;

/**
 * Serves the events of a Nexus over WebSocket: `{"action":"subscribe","events":[…],"after"?:seq}` and what follows.
 * When the Nexus closes, so do its connections.
 *
 * @example
 * const ws = createWebSocketHandler(nexus, { path: '/nexus/ws' });
 * ws.attach(server);
 *
 * @throws NexusError NEXUS_INVALID_OPTION, NEXUS_CLOSED
 */
export function createWebSocketHandler(
  nexus: Pick<Nexus, 'health'>,
  options: WebSocketHandlerOptions = {},
): WebSocketHandler {
  if (!(ingress in nexus))
    throw new NexusError('NEXUS_INVALID_OPTION', 'createWebSocketHandler needs a Nexus made by createNexus');
  const settings = webSocketSettings(options);
  const door = (nexus as unknown as NexusWithIngress)[ingress];
  const entrance = createEntrance(door, settings, createClientAddress(options.trustProxy ?? 0));
  const connections = new Set<Connection>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // What is compressed is compressed for each: the frame of an event would not be the same for all.
    perMessageDeflate: false,
    maxPayload: settings.maxPayloadBytes,
    handleProtocols: choose,
  });
  let closing: Promise<void> | undefined;
  let beating: NodeJS.Timeout | undefined;
  let allGone: (() => void) | undefined;

  const beat = (): void => {
    for (const connection of connections) connection.beat();
  };
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): boolean => {
    const [path] = (request.url ?? '').split('?', 1);
    if (path !== settings.path) return false;
    const guest = closing ? gone : entrance.check(request);
    if ('status' in guest) {
      refuse(socket, guest);
      return true;
    }
    server.handleUpgrade(request, socket, head, (ws) => {
      const left = [entrance.enter(guest), door.live.connected('webSocket')];
      const connection = createConnection({
        ws,
        socket,
        guest,
        door,
        settings,
        gone: () => {
          for (const end of left) end();
          connections.delete(connection);
          if (connections.size > 0) return;
          clearInterval(beating);
          beating = undefined;
          allGone?.();
        },
      });
      connections.add(connection);
      beating ??= setInterval(beat, settings.heartbeatMs).unref();
    });
    return true;
  };

  const offNodes = door.onNodesChange(() => {
    for (const connection of connections) connection.recheck();
  });
  const close = (): Promise<void> => {
    closing ??= new Promise<void>((resolve) => {
      offNodes();
      offEnd();
      if (connections.size === 0) resolve();
      else allGone = resolve;
      for (const connection of connections) connection.close(GOING_AWAY, 'NEXUS_CLOSED');
    });
    return closing;
  };
  const offEnd = door.live.onEnd(() => void close());

  return {
    upgrade,
    close,
    attach: (to) => {
      const listener: UpgradeListener = (request, socket, head) => {
        const raise = shieldFor(socket);
        if (upgrade(request, socket, head)) raise();
      };
      // First, so that no other has answered before.
      to.prependListener('upgrade', listener);
      return () => void to.removeListener('upgrade', listener);
    },
    get connections() {
      return connections.size;
    },
  };
}

/** A browser wants one of those it offers: the one without a secret in it, if it is there. */
function choose(protocols: ReadonlySet<string>): string | false {
  if (protocols.has('nexus')) return 'nexus';
  const [first = false] = protocols;
  return first;
}

const gone: Refusal = { status: 503, code: 'NEXUS_CLOSED', detail: 'this Nexus is closing or closed' };
