/** An act of an operator: a method and a path, what it is asked with, and what it does. */
import type { Answer } from '../problem.js';
import type { RouteMethod } from '../route.js';
import type { Shape, Shaped } from '../shape.js';

/** What an act is done with. */
export type Asked<S extends Shape = Shape> = {
  /** What the path names in the place of its `:word`; empty where it has none. */
  readonly target: string;
  /** Of the query for GET, of the body otherwise. */
  readonly given: Shaped<S>;
  /** Who asks: an admin. */
  readonly node: string;
};

export type Act = {
  readonly method: RouteMethod;
  /** The path, with at most one `:word` in it. */
  readonly path: string;
  readonly shape: Shape;
  readonly run: (asked: Asked) => Promise<Answer>;
};

/** An act, with the types of what it is asked with. */
export function act<const S extends Shape>(
  line: `${RouteMethod} /admin/${string}`,
  shape: S,
  run: (asked: Asked<S>) => Promise<Answer>,
): Act {
  const [method, path] = line.split(' ') as [RouteMethod, string];
  // What is checked by this shape has its types.
  return { method, path, shape, run: (asked) => run(asked as Asked<S>) };
}
