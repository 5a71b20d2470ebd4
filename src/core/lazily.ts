/** Made when first asked for, for what the import of the package should not wait for. */

/** The one value that `make` makes, from the first call on. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** The values of all these functions, each asked for when its property is first read. */
export function lazyRecord<M extends Readonly<Record<string, () => unknown>>>(
  makers: M,
): { readonly [Name in keyof M]: ReturnType<M[Name]> } {
  const record = {};
  for (const [name, get] of Object.entries(makers))
    Object.defineProperty(record, name, { enumerable: true, get });
  return record as { readonly [Name in keyof M]: ReturnType<M[Name]> };
}
