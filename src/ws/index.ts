/**
 * The WebSocket edge: events as they happen, from any position, on the server the host already has.
 *
 * @module @neo-protocol/nexus/ws
 */
export {
  createWebSocketHandler,
  type UpgradeListener,
  type UpgradeServer,
  type WebSocketHandler,
} from './web-socket-handler.js';
export type { WebSocketHandlerOptions } from './options.js';
