/** How long importing the built package takes, in processes of their own, and with it reading the protocol's schemas, which loads zod. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { median } from './end-to-end.js';

const ROUNDS = 21;
const MODULE = ['--input-type=module'];

/** Milliseconds, medians. */
export function importing(): {
  readonly importMs: number;
  readonly requireMs: number;
  readonly readMs: number;
  readonly zodMs: number;
} {
  const taken = (load: string, options: readonly string[] = []): number => {
    const program = `const began = performance.now(); ${load}; console.log(performance.now() - began);`;
    return Number(execFileSync(process.execPath, [...options, '-e', program], { encoding: 'utf8' }));
  };
  const index = (file: string): string => JSON.stringify(join(process.cwd(), 'dist', file));
  const module = `await import(${index('index.js')})`;
  const runs = Array.from({ length: ROUNDS }, () => ({
    importMs: taken(module, MODULE),
    requireMs: taken(`require(${index('index.cjs')})`),
    readMs: taken(`({ ...(${module}).protocolEvents })`, MODULE),
    zodMs: taken(`await import('zod')`, MODULE),
  }));
  return {
    importMs: median(runs.map(({ importMs }) => importMs)),
    requireMs: median(runs.map(({ requireMs }) => requireMs)),
    readMs: median(runs.map(({ readMs }) => readMs)),
    zodMs: median(runs.map(({ zodMs }) => zodMs)),
  };
}
