/** Keeps labels few: names that come from outside must not fill the memory of who counts them. */

/** The name itself, or `other` once there have been so many different ones. */
export function createBound(most: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= most) return 'other';
    known.add(name);
    return name;
  };
}
