/** How cases are written down. */
import type { Rig } from './rig.js';

/** What a case asks of the adapter or its fixture beyond one instance. */
export type Need = 'several instances' | 'reopening' | 'erasing' | 'losing';

export type Case = { readonly needs: readonly Need[]; readonly run: (rig: Rig) => Promise<void> };

/** The cases about one idea, by the sentence that each proves. */
export type Chapter = { readonly about: string; readonly cases: Readonly<Record<string, Case>> };

type Run = Case['run'];

/** A chapter; a case that is a plain function needs nothing special. */
export function chapter(about: string, cases: Readonly<Record<string, Case | Run>>): Chapter {
  const full = Object.entries(cases).map(
    ([title, each]) => [title, typeof each === 'function' ? { needs: [], run: each } : each] as const,
  );
  return { about, cases: Object.fromEntries(full) };
}

/** A case that works with a second storage on the same data. */
export function several(run: Run): Case {
  return { needs: ['several instances'], run };
}

/** A case that closes and opens again. */
export function reopening(run: Run): Case {
  return { needs: ['reopening'], run };
}

/** A case in which acknowledged events are lost between a close and the next open. */
export function losing(run: Run): Case {
  return { needs: ['reopening', 'losing'], run };
}

/** A case in which the content of an event has been erased. */
export function erasing(run: Run): Case {
  return { needs: ['erasing'], run };
}
