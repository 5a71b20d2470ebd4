/** Keeps the other listeners of an upgrade from answering what has been answered. */
import type { Duplex } from 'node:stream';

/**
 * A second WebSocketServer on the same HTTP server answers 400 to every path but its own, and writes that into a
 * connection that is open already. All listeners run in the turn of the event, so until that is over nothing else is
 * written, ended or destroyed. Returns what raises the shield; the turn is counted from the call of this function.
 */
export function shieldFor(socket: Duplex): () => void {
  let raised = false;
  // Asked for before anything that the connection itself puts off: its own writes come behind this.
  process.nextTick(() => {
    if (!raised) return;
    for (const name of names) Reflect.deleteProperty(socket, name);
  });
  return () => {
    raised = true;
    for (const name of names)
      Object.defineProperty(socket, name, {
        configurable: true,
        value: name === 'write' ? () => true : () => socket,
      });
  };
}

const names = ['write', 'end', 'destroy'] as const;
