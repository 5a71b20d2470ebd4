/** A path that is Nexus's, and what can be done with it. */
import type { Incoming } from './incoming.js';
import type { Answer } from './problem.js';

export type Handle = (request: Incoming) => Promise<Answer>;

/** The methods that some path takes; HEAD is GET. */
export const routeMethods = ['GET', 'POST', 'DELETE'] as const;
export type RouteMethod = (typeof routeMethods)[number];

export type Route = Partial<Readonly<Record<RouteMethod, Handle>>> & {
  /** How it is called where it is measured: never by what a stranger made up. */
  readonly name: string;
  /** Not counted against the address that asks. */
  readonly free?: true;
  /** Brings events: what fails has stored none. */
  readonly stores?: true;
};
