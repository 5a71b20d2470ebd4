/** Events as frames of RFC 6455, made once for all connections: a server's text frame, whole and unmasked. */
import type { LiveEvent } from '../nexus.js';

const frames = new WeakMap<LiveEvent, Buffer>();

/** The frame of an event. An event that is recent is the same object for all its readers. */
export function frameOf(event: LiveEvent): Buffer {
  let frame = frames.get(event);
  if (!frame) frames.set(event, (frame = textFrame(event.text())));
  return frame;
}

const FINAL_TEXT = 0x81;

function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafeSlow(start + length);
  frame[0] = FINAL_TEXT;
  if (start === 2) frame[1] = length;
  else if (start === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, start);
  return frame;
}
