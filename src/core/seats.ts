/** Connections that are counted: in all, of each node, of each address. */

/** How many there may be. */
export type SeatLimits = {
  readonly maxConnections: number;
  readonly maxConnectionsPerNode: number;
  readonly maxConnectionsPerAddress: number;
};

export interface Seats {
  /** Why there is no seat: for anybody, or for this one. */
  shortage(node: string, address: string | undefined): 'full' | 'too_many' | undefined;
  /** Takes a seat, also where there is none. Returns its end. */
  take(node: string, address: string | undefined): () => void;
}

export function createSeats(limits: SeatLimits): Seats {
  const nodes = new Map<string, number>();
  const addresses = new Map<string, number>();
  let taken = 0;
  const count = (node: string, address: string | undefined, by: number): void => {
    taken += by;
    add(nodes, node, by);
    if (address !== undefined) add(addresses, address, by);
  };
  return {
    shortage: (node, address) => {
      if (taken >= limits.maxConnections) return 'full';
      if ((nodes.get(node) ?? 0) >= limits.maxConnectionsPerNode) return 'too_many';
      const here = address === undefined ? 0 : (addresses.get(address) ?? 0);
      return here >= limits.maxConnectionsPerAddress ? 'too_many' : undefined;
    },
    take: (node, address) => {
      count(node, address, 1);
      let left = false;
      return () => {
        if (!left) count(node, address, -1);
        left = true;
      };
    },
  };
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
