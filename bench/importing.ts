/** How long importing the built package takes, in processes of their own, and what zod alone takes of it. */
import { execFileSync } from 'node:child_process';
import { median } from './end-to-end.js';

const ROUNDS = 21;

/** Milliseconds, medians. */
export function importing(): {
  readonly importMs: number;
  readonly requireMs: number;
  readonly zodMs: number;
} {
  const taken = (load: string, options: readonly string[] = []): number => {
    const program = `const began = performance.now(); ${load}; console.log(performance.now() - began);`;
    return Number(execFileSync(process.execPath, [...options, '-e', program], { encoding: 'utf8' }));
  };
  const imported = (module: string): number =>
    taken(`await import(${JSON.stringify(module)})`, ['--input-type=module']);
  const runs = Array.from({ length: ROUNDS }, () => ({
    importMs: imported(`${process.cwd()}/dist/index.js`),
    requireMs: taken(`require(${JSON.stringify(`${process.cwd()}/dist/index.cjs`)})`),
    zodMs: imported('zod'),
  }));
  return {
    importMs: median(runs.map(({ importMs }) => importMs)),
    requireMs: median(runs.map(({ requireMs }) => requireMs)),
    zodMs: median(runs.map(({ zodMs }) => zodMs)),
  };
}
