/** How long importing the built package takes, in processes of their own, and what pino and zod alone take of it. */
import { execFileSync } from 'node:child_process';
import { median } from './end-to-end.js';

const ROUNDS = 11;

/** Milliseconds, medians. */
export function importing(): { readonly nexusMs: number; readonly dependenciesMs: number } {
  const taken = (modules: readonly string[]): number => {
    const loads = modules.map((module) => `await import(${JSON.stringify(module)});`).join('');
    const program = `const began = performance.now(); ${loads} console.log(performance.now() - began);`;
    return Number(
      execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }),
    );
  };
  const runs = Array.from({ length: ROUNDS }, () => ({
    nexus: taken([`${process.cwd()}/dist/index.js`]),
    dependencies: taken(['pino', 'zod']),
  }));
  return {
    nexusMs: median(runs.map(({ nexus }) => nexus)),
    dependenciesMs: median(runs.map(({ dependencies }) => dependencies)),
  };
}
