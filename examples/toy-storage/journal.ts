/** A file of lines that only grows. What was cut off in the middle of a line was never acknowledged, and is taken away. */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

export interface Journal {
  /** The lines that were there when it was opened. */
  readonly lines: readonly string[];
  /** On disk when it returns. */
  append(line: string): void;
  close(): void;
}

export function openJournal(path: string, mode: 'run' | 'read'): Journal {
  const file = openSync(path, mode === 'run' ? 'a+' : 'r');
  const bytes = readFileSync(file);
  const end = bytes.lastIndexOf('\n') + 1;
  if (mode === 'run' && end < bytes.length) {
    ftruncateSync(file, end);
    fsyncSync(file);
  }
  const text = bytes.subarray(0, end).toString('utf8');
  return {
    lines: text === '' ? [] : text.slice(0, -1).split('\n'),
    append: (line) => {
      const whole = Buffer.from(`${line}\n`);
      // A write may take only a part.
      for (let at = 0; at < whole.length;) at += writeSync(file, whole, at);
      fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}
