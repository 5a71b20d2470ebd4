/** The table of verbs, in the order of the help. */
import type { Verb } from './verb.js';
import { audit } from './verbs/audit.js';
import { backup } from './verbs/backup.js';
import { completionVerb } from './verbs/completion.js';
import { dead } from './verbs/dead.js';
import { deliveries } from './verbs/deliveries.js';
import { doctor } from './verbs/doctor.js';
import { endpoints } from './verbs/endpoints.js';
import { events } from './verbs/events.js';
import { explain } from './verbs/explain.js';
import { health } from './verbs/health.js';
import { migrate } from './verbs/migrate.js';
import { nodes } from './verbs/nodes.js';
import { reactors } from './verbs/reactors.js';
import { replay } from './verbs/replay.js';
import { send } from './verbs/send.js';
import { serve } from './verbs/serve.js';
import { sign, verify } from './verbs/sign.js';
import { tail } from './verbs/tail.js';

export const verbs: readonly Verb[] = [
  serve,
  send,
  tail,
  events,
  explain,
  ...deliveries,
  ...dead,
  ...replay,
  ...reactors,
  ...nodes,
  ...endpoints,
  ...audit,
  backup,
  migrate,
  health,
  doctor,
  sign,
  verify,
  completionVerb(() => verbs),
];
