/** What a test wants to go wrong. */

/** Where a process dies: each is a point at which a crash tells something about a design. */
export type CrashPoint = 'append' | 'claim' | 'handler' | 'settle';

/** Narrows where a process dies. */
export interface CrashOptions {
  /** For `claim`, `handler` and `settle`: only with a delivery of this reactor. @default any */
  reactor?: string;
  /** For `append`: only with an event of this type. @default any */
  type?: string;
  /** How often, one process after the other. @default 1 */
  times?: number;
}

export interface Faults {
  failNext(reactor: string, error: unknown, times: number): void;
  /** What the reactor's next call throws, if it is to fail. */
  failure(reactor: string): { readonly error: unknown } | undefined;
  crashAfter(point: CrashPoint, options: CrashOptions): void;
  /** Whether the process dies here and now; asking uses it up. `names`: what is at this point, reactors or types. */
  crashes(point: CrashPoint, names: readonly string[]): boolean;
  /** Whether it will die there. */
  awaits(point: CrashPoint, name: string): boolean;
}

export function createFaults(): Faults {
  const failures = new Map<string, unknown[]>();
  const crashes: { readonly point: CrashPoint; readonly name: string | undefined; times: number }[] = [];
  const planned = (point: CrashPoint, names: readonly string[]): number =>
    crashes.findIndex(
      (crash) => crash.point === point && names.some((name) => (crash.name ?? name) === name),
    );
  return {
    failNext: (reactor, error, times) => {
      const waiting = failures.get(reactor) ?? [];
      failures.set(reactor, [...waiting, ...Array.from({ length: times }, () => error)]);
    },
    failure: (reactor) => {
      const waiting = failures.get(reactor);
      return waiting && waiting.length > 0 ? { error: waiting.shift() } : undefined;
    },
    crashAfter: (point, { reactor, type, times = 1 }) => {
      crashes.push({ point, name: point === 'append' ? type : reactor, times });
    },
    crashes: (point, names) => {
      const place = planned(point, names);
      const crash = crashes[place];
      if (!crash) return false;
      crash.times -= 1;
      if (crash.times <= 0) crashes.splice(place, 1);
      return true;
    },
    awaits: (point, name) => planned(point, [name]) >= 0,
  };
}
