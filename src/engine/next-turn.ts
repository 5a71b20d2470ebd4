/** Ends at the next turn of the event loop: what came meanwhile is served first. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
