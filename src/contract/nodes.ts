/** The nodes, as an operator sees and changes them while Nexus runs. */
import type { NodeConfig } from '../nodes/node-config.js';
import type { NodeInfo } from '../nodes/node-registry.js';

export type { NodeInfo } from '../nodes/node-registry.js';

/** For `rotate`. */
export interface RotateOptions {
  /** How long the secrets that were there still count, milliseconds. @default 86_400_000 */
  graceMs?: number;
}

/**
 * Who may say what. In memory only: the host's code or its file is the truth, and nothing here is written down. A change
 * counts in this process from the moment of the call, for open connections too; other processes have their own.
 */
export interface NodeDesk {
  /** All nodes, without what proves them. */
  list(): Promise<readonly NodeInfo[]>;
  /** Adds a node, or takes its place. @throws NexusError NEXUS_INVALID_OPTION */
  put(name: string, config: NodeConfig): Promise<void>;
  /**
   * Makes these all the nodes there are; where one is wrong, nothing changes.
   *
   * @example await nexus.nodes.replace(loadPermissions('config/permissions.json', process.env));
   * @throws NexusError NEXUS_INVALID_OPTION
   */
  replace(nodes: Readonly<Record<string, NodeConfig>>): Promise<void>;
  /** Gives a node a new first secret; the others end after a grace. @throws NexusError NEXUS_NOT_FOUND, NEXUS_INVALID_OPTION */
  rotate(name: string, secret: string, options?: RotateOptions): Promise<void>;
  /** Takes secrets and tokens away at once: the one with this fingerprint (see `list`), or all of them. @throws NexusError NEXUS_NOT_FOUND */
  revoke(name: string, fingerprint?: string): Promise<{ readonly revoked: number }>;
  /** Forgets a node: it may nothing from now on. @throws NexusError NEXUS_NOT_FOUND */
  remove(name: string): Promise<void>;
}
